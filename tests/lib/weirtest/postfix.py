# SPDX-License-Identifier: GPL-2.0-or-later
"""A Postfix of one's own: its configuration, queue and data in a temporary
folder, on a loopback port, without DNS, everything goes to one next hop.

It must be started by root, as any Postfix."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from . import proc

MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
tlsmgr unix - - n 1000? 1 tlsmgr
showq unix n - n - - showq
postlog unix-dgram n - n - 1 postlogd
"""

MAIN = {
    "compatibility_level": "3.6", "mail_owner": "postfix",
    "inet_interfaces": "127.0.0.1", "inet_protocols": "ipv4",
    "myhostname": "mx.example.net", "mydomain": "example.net",
    "mydestination": "", "local_recipient_maps": "",
    "local_transport": "error:no local delivery", "alias_maps": "",
    "alias_database": "", "mynetworks": "127.0.0.0/8",
    "smtpd_relay_restrictions": "permit_mynetworks, reject",
    "smtpd_peername_lookup": "no", "smtp_dns_support_level": "disabled",
    "smtp_host_lookup": "native", "smtpd_tls_security_level": "none",
    "smtp_tls_security_level": "none", "smtp_address_preference": "ipv4",
    "maillog_file_prefixes": "/", "biff": "no", "append_dot_mydomain": "no",
    "notify_classes": "", "in_flow_delay": "0", "minimal_backoff_time": "1s",
    "queue_run_delay": "1s", "maximal_backoff_time": "2s",
    "smtpd_client_connection_count_limit": "0",
    "smtpd_client_connection_rate_limit": "0",
    "smtpd_client_message_rate_limit": "0",
    "smtpd_authorized_xclient_hosts": "127.0.0.0/8",
    "smtpd_delay_reject": "yes", "smtpd_error_sleep_time": "0",
    "smtpd_policy_service_timeout": "20s", "maximal_queue_lifetime": "1h",
    "bounce_queue_lifetime": "1h",
    "milter_default_action": "tempfail", "max_idle": "5s",
}

# folders of the queue as postfix-files has them: name, group, mode
QUEUE = [(name, "root", 0o700) for name in (
    "active", "bounce", "corrupt", "defer", "deferred", "flush", "hold",
    "incoming", "private", "saved", "trace")]
QUEUE += [("maildrop", "postdrop", 0o730), ("public", "postdrop", 0o710),
          ("pid", "root", 0o755)]


def available():
    """None if Postfix can be started, else the reason why not."""
    if os.geteuid() != 0:
        return "a private Postfix must be started by root"
    if shutil.which("postfix", path="/usr/sbin:/sbin:/usr/bin") is None:
        return "postfix is not installed"
    return None


def write_main(folder, text):
    """Write main.cf; it looks old, for each program of Postfix would wait
    until it is two seconds old."""
    path = Path(folder) / "main.cf"
    path.write_text(text)
    os.utime(path, (path.stat().st_mtime - 10,) * 2)


class Postfix:
    def __init__(self, folder, nexthop, milters=(), policy=None, **settings):
        """nexthop: host:port; milters: "unix:/path" or "inet:host:port";
        policy: the same, asked at RCPT."""
        self.dir = Path(folder)
        self.dir.mkdir(parents=True, exist_ok=True)
        # the postfix user must reach its queue and Weir's sockets
        for path in (self.dir, *self.dir.parents):
            if path.stat().st_uid == os.geteuid() \
                    and not path.stat().st_mode & 0o001 \
                    and Path(tempfile.gettempdir()) in path.parents:
                path.chmod(path.stat().st_mode | 0o011)
        self.etc = self.dir / "etc"
        self.log_path = self.dir / "maillog"
        for name in ("etc", "queue", "data"):
            (self.dir / name).mkdir(exist_ok=True)
        shutil.chown(self.dir / "data", "postfix", None)
        for name, group, mode in QUEUE:
            path = self.dir / "queue" / name
            path.mkdir()
            path.chmod(mode)
            shutil.chown(path, "root" if name == "pid" else "postfix", group)
        self.settings = {
            **MAIN, "queue_directory": self.dir / "queue",
            "data_directory": self.dir / "data",
            "maillog_file": self.log_path,
            "default_transport": f"smtp:[{nexthop.rpartition(':')[0]}]:"
                                 f"{nexthop.rpartition(':')[2]}",
        }
        if milters:
            self.settings["smtpd_milters"] = ", ".join(milters)
        if policy:
            self.settings["smtpd_recipient_restrictions"] = \
                f"check_policy_service {policy}"
        self.settings.update(settings)
        self.running = False
        self.port = None

    def _postfix(self, command, check=True):
        done = subprocess.run(
            ["/usr/sbin/postfix", "-c", str(self.etc), command],
            capture_output=True, text=True, timeout=180)
        if check and done.returncode != 0:
            raise RuntimeError(f"postfix {command}: {done.stdout}"
                               f"{done.stderr}{self.log()}")
        return done.returncode

    def _write_main(self):
        write_main(self.etc, "".join(
            f"{k} = {v}\n" for k, v in self.settings.items()))

    def start(self):
        for attempt in range(5):
            self.port = proc.free_port()
            self._write_main()
            (self.etc / "master.cf").write_text(
                MASTER.format(port=self.port))
            # the folders are good: start without looking at each again
            (self.dir / "queue" / "quick-start").touch()
            self._postfix("start")
            self.running = True
            self.address = f"127.0.0.1:{self.port}"
            try:
                proc.wait_for(
                    lambda: proc.answers(f"inet:{self.address}"), 10,
                    "postfix")
                return self
            except TimeoutError:
                self.stop()
        raise RuntimeError("postfix did not start: " + self.log())

    def configure(self, **settings):
        """Change settings of the running instance."""
        self.settings.update(settings)
        self._write_main()
        self._postfix("reload")

    def log(self):
        try:
            return self.log_path.read_text(errors="replace")
        except OSError:
            return ""

    def queue(self):
        """How many messages wait in the queue."""
        return sum(len(files) for name in ("incoming", "active", "deferred",
                                           "maildrop", "hold")
                   for _, _, files in os.walk(self.dir / "queue" / name))

    def drained(self, timeout=60):
        """Wait until all was delivered."""
        proc.wait_for(lambda: self.queue() == 0, timeout, "an empty queue")

    def stop(self):
        if self.running:
            self._postfix("stop", check=False)
            self.running = False
