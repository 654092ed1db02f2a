# SPDX-License-Identifier: GPL-2.0-or-later
"""A Postfix policy delegation client."""

from . import proc

# In the order of Postfix 3.8.
DEFAULTS = {
    "request": "smtpd_access_policy", "protocol_state": "RCPT",
    "protocol_name": "ESMTP", "client_address": "192.0.2.10",
    "client_name": "client.example.org", "client_port": "40000",
    "reverse_client_name": "client.example.org",
    "server_address": "127.0.0.1", "server_port": "25",
    "helo_name": "client.example.org", "sender": "sender@example.org",
    "recipient": "user@example.net", "recipient_count": "0", "queue_id": "",
    "instance": "1.2.3.0", "size": "1234", "etrn_domain": "", "stress": "",
    "sasl_method": "", "sasl_username": "", "sasl_sender": "",
    "ccert_subject": "", "ccert_issuer": "", "ccert_fingerprint": "",
    "ccert_pubkey_fingerprint": "", "encryption_protocol": "",
    "encryption_cipher": "", "encryption_keysize": "0",
    "policy_context": "", "compatibility_level": "3.6",
    "mail_version": "3.8.0",
}


class PolicyClient:
    """One connection; several requests may follow each other."""

    def __init__(self, address, timeout=10):
        self.sock = proc.connect(address, timeout)
        self.buffer = b""

    def send_raw(self, data, split=False):
        """Send octets, all at once or one by one."""
        if not split:
            self.sock.sendall(data)
            return
        for i in range(len(data)):
            self.sock.sendall(data[i:i + 1])

    def answer(self):
        """The next action, or None when the server closed."""
        while b"\n\n" not in self.buffer:
            got = self.sock.recv(65536)
            if not got:
                return None
            self.buffer += got
        reply, _, self.buffer = self.buffer.partition(b"\n\n")
        text = reply.decode("utf-8")
        assert text.startswith("action=") and "\n" not in text, text
        return text[len("action="):]

    def ask(self, split=False, **attributes):
        """One request with these attributes changed; None removes one."""
        rows = {**DEFAULTS, **attributes}
        text = "".join(f"{k}={v}\n" for k, v in rows.items()
                       if v is not None) + "\n"
        self.send_raw(text.encode(), split)
        return self.answer()

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
