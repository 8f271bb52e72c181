"""compose.yaml and the manifests refer to what they define: services, secrets, volumes, files, ConfigMaps, ports."""

import pathlib
import sys

try:
    import yaml
except ImportError:  # run by .ci/deploy.sh's own python
    import glob
    import os

    sys.path += glob.glob(
        os.path.expanduser(os.environ.get("SMARTPULSE_CACHE", "~/.cache/smartpulse") + "/deploy-2/python/lib/*/site-packages")
    )
    import yaml

DEPLOY = pathlib.Path(__file__).resolve().parent.parent / "deploy"
wrong = []


def want(is_so, what):
    if not is_so:
        wrong.append(what)


compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
services = compose["services"]
for name, service in services.items():
    for other in service.get("depends_on", {}):
        want(other in services, f"compose {name} depends on {other}")
        wants_health = service["depends_on"][other]["condition"] == "service_healthy"
        built = services[other].get("image") == "smartpulse:local"
        want(not wants_health or built or "healthcheck" in services[other], f"compose {other} has no health check")
    for secret in service.get("secrets", []):
        want(secret in compose["secrets"], f"compose {name} has the secret {secret}")
    for network in service.get("networks", []):
        want(network in compose["networks"], f"compose {name} is in the network {network}")
    for volume in service.get("volumes", []):
        source = volume.split(":")[0]
        known = (DEPLOY / source).exists() if source.startswith(".") else source in compose["volumes"]
        want(known, f"compose {name} mounts {source}")
    if "build" in service:
        want((DEPLOY / service["build"]["context"] / service["build"]["dockerfile"]).exists(), f"compose {name} is built")
    # A secret that its settings name is mounted.
    for volume in service.get("volumes", []):
        if volume.endswith("smartpulse.toml:ro"):
            for line in (DEPLOY / volume.split(":")[0]).read_text().splitlines():
                if "/run/secrets/" in line:
                    secret = line.split("/run/secrets/")[1].strip('"')
                    want(secret in service["secrets"], f"compose {name} needs the secret {secret}")

resources = []
for path in sorted((DEPLOY / "kubernetes").glob("*.yaml")):
    if path.name != "kustomization.yaml":
        resources += [one for one in yaml.safe_load_all(path.read_text()) if one]
    else:
        for listed in yaml.safe_load(path.read_text())["resources"]:
            want((path.parent / listed).exists(), f"kustomization lists {listed}")
names = {(one["kind"], one["metadata"]["name"]) for one in resources}
for one in resources:
    kind, name = one["kind"], one["metadata"]["name"]
    if kind in ("Deployment", "Job"):
        pod = one["spec"]["template"]["spec"]
        want(("ServiceAccount", pod["serviceAccountName"]) in names, f"{name}: its account")
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        for volume in volumes.values():
            if "configMap" in volume:
                want(("ConfigMap", volume["configMap"]["name"]) in names, f"{name}: its settings")
        for container in pod["containers"]:
            ports = {port["name"] for port in container.get("ports", [])}
            for mount in container["volumeMounts"]:
                want(mount["name"] in volumes, f"{name}: mounts {mount['name']}")
            for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
                if kind == "Deployment":
                    want(container[probe]["httpGet"]["port"] in ports, f"{name}: the port of its {probe}")
    if kind in ("Service", "PodDisruptionBudget"):
        selector = one["spec"]["selector"]
        selector = selector.get("matchLabels", selector)
        pods = [d for d in resources if d["kind"] == "Deployment"]
        hit = [d for d in pods if selector.items() <= d["spec"]["template"]["metadata"]["labels"].items()]
        want(len(hit) == 1, f"{kind} {name} selects one deployment")

print("\n".join(wrong) or f"deploy: {len(services)} services and {len(resources)} resources refer to what there is")
sys.exit(1 if wrong else 0)
