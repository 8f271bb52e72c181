"""Prints, as JSON, what Python's email package makes of the message in the file named by the argument."""
import base64, json, sys
from email import policy
from email.parser import BytesParser

with open(sys.argv[1], "rb") as file:
    raw = file.read()
message = BytesParser(policy=policy.default).parsebytes(raw)
parts, defects = [], [str(defect) for defect in message.defects]
for part in message.walk():
    defects += [f"{part.get_content_type()}: {defect!r}" for defect in part.defects]
    entry = {"type": part.get_content_type(), "charset": part.get_content_charset(), "name": part.get_filename()}
    if not part.is_multipart():
        entry["bytes"] = base64.b64encode(part.get_payload(decode=True)).decode()
    parts.append(entry)
for name, value in message.items():
    defects += [f"{name}: {defect!r}" for defect in getattr(value, "defects", [])]
print(json.dumps({
    "headers": [[name, str(value)] for name, value in message.items()],
    "to": [[address.display_name, address.addr_spec] for address in message["To"].addresses],
    "from": [[address.display_name, address.addr_spec] for address in message["From"].addresses],
    "date": message["Date"].datetime.isoformat(),
    "parts": parts,
    "defects": defects,
    "longest": max(len(line) for line in raw.replace(b"\r\n", b"\n").split(b"\n")),
    "ascii": raw.isascii(),
}))
