"""A mail server of aiosmtpd: prints its port, and writes each mail and its envelope into a folder.

Arguments: the folder of the mails; then, for one that requires STARTTLS and a login: the folder of its certificate.
"""
import asyncio, json, pathlib, ssl, sys
from aiosmtpd.smtp import SMTP, AuthResult

folder = pathlib.Path(sys.argv[1])


class Handler:
    count = 0

    async def handle_DATA(self, server, session, envelope):
        name = f"{self.count:04}"
        self.count += 1
        facts = {"from": envelope.mail_from, "to": envelope.rcpt_tos, "tls": session.ssl is not None,
                 "login": session.auth_data.login.decode() if session.authenticated else None}
        (folder / f"{name}.json").write_text(json.dumps(facts))
        (folder / f"{name}.eml").write_bytes(envelope.original_content)
        return "250 2.0.0 taken"


def authenticate(server, session, envelope, mechanism, data):
    success = (data.login, data.password) == (b"smart", "pass wörd".encode())
    # "Handled" would mean that the answer has been sent.
    return AuthResult(success=success, handled=success, auth_data=data)


async def main():
    options = {}
    if len(sys.argv) > 2:
        certificate = pathlib.Path(sys.argv[2])
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate / "server.pem", certificate / "server.key")
        options = {"tls_context": context, "require_starttls": True, "authenticator": authenticate, "auth_required": True}
    handler = Handler()
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(handler, hostname="sink.example", **options), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    # It ends with the test that holds the other end of its input.
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


asyncio.run(main())
