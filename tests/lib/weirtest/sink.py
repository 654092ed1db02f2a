# SPDX-License-Identifier: GPL-2.0-or-later
"""The next hop: an SMTP server that keeps what it gets.

Recipients can be given answers of their own ("550 5.1.1 no such user"), and
so can the end of the data, which can be late, too: data_delay seconds.
on_taken is called when a message is kept, before the client hears of it."""

import asyncio
import smtplib
import threading


class Message:
    def __init__(self, peer, sender, recipients, data):
        self.peer = peer
        self.sender = sender
        self.recipients = recipients
        self.data = data

    def headers(self, name):
        """Values of a field, unfolded, in order."""
        found = []
        head = self.data.partition(b"\r\n\r\n")[0].replace(b"\r\n", b"\n")
        for line in head.replace(b"\n ", b" ").replace(b"\n\t",
                                                       b" ").split(b"\n"):
            key, colon, value = line.partition(b":")
            if colon and key.decode("latin-1").lower() == name.lower():
                found.append(value.strip().decode("utf-8", "replace"))
        return found

    def body(self):
        return self.data.partition(b"\r\n\r\n")[2]


class Sink:
    def __init__(self):
        self.messages = []
        self.rcpt_replies = {}
        self.data_reply = None
        self.data_delay = 0
        self.on_taken = None
        self.lock = threading.Condition()
        self.loop = asyncio.new_event_loop()
        started = threading.Event()
        self.thread = threading.Thread(target=self._run, args=(started,),
                                       daemon=True)
        self.thread.start()
        if not started.wait(10):
            raise RuntimeError("the sink did not start")
        self.address = f"127.0.0.1:{self.port}"

    def _run(self, started):
        asyncio.set_event_loop(self.loop)
        server = self.loop.run_until_complete(asyncio.start_server(
            self._talk, "127.0.0.1", 0, limit=1 << 20))
        self.port = server.sockets[0].getsockname()[1]
        started.set()
        self.loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        self.loop.run_until_complete(server.wait_closed())
        self.loop.run_until_complete(asyncio.sleep(0))
        self.loop.close()

    def reset(self):
        """Forget what came and what was asked for."""
        with self.lock:
            self.messages = []
        self.rcpt_replies = {}
        self.data_reply = None
        self.data_delay = 0

    def stop(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)

    async def _talk(self, reader, writer):
        try:
            await self._serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, ValueError,
                asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _serve(self, reader, writer):
        peer = writer.get_extra_info("peername")
        sender, recipients = None, []

        async def say(text):
            writer.write(text.encode() + b"\r\n")
            await writer.drain()

        await say("220 sink.example ESMTP")
        while True:
            line = (await reader.readline()).decode("utf-8", "replace")
            if not line:
                return
            verb = line.split(None, 1)[0].upper() if line.split() else ""
            address = line[line.find("<") + 1:line.find(">")] \
                if "<" in line else ""
            if verb == "EHLO":
                await say("250-sink.example\r\n250-8BITMIME\r\n"
                          "250-PIPELINING\r\n250 SMTPUTF8")
            elif verb == "MAIL":
                sender, recipients = address, []
                await say("250 2.1.0 Ok")
            elif verb == "RCPT":
                answer = self.rcpt_replies.get(address, "250 2.1.5 Ok")
                if answer[0] == "2":
                    recipients.append(address)
                await say(answer)
            elif verb == "DATA" and recipients:
                await say("354 Go on")
                data = await self._data(reader)
                answer = self.data_reply or "250 2.0.0 Ok"
                if answer[0] == "2":
                    with self.lock:
                        self.messages.append(Message(peer, sender,
                                                     recipients, data))
                        self.lock.notify_all()
                    if self.on_taken is not None:
                        self.on_taken()
                await asyncio.sleep(self.data_delay)
                await say(answer)
            elif verb == "QUIT":
                await say("221 2.0.0 Bye")
                return
            elif verb in ("RSET", "NOOP", "HELO"):
                await say("250 2.0.0 Ok")
            else:
                await say("503 5.5.1 Not now")

    @staticmethod
    async def _data(reader):
        data = bytearray()
        while True:
            line = await reader.readline()
            if not line:
                raise ConnectionError("the client left inside DATA")
            if line == b".\r\n":
                return bytes(data)
            data += line[1:] if line.startswith(b".") else line

    def wait(self, count, timeout=30):
        """Wait for that many messages in all and return them."""
        with self.lock:
            if not self.lock.wait_for(lambda: len(self.messages) >= count,
                                      timeout):
                raise TimeoutError(f"{len(self.messages)} of {count} "
                                   "messages arrived")
            return list(self.messages)


def smtp_send(address, raw, sender="sender@example.org",
              recipients=("user@example.net",), helo="client.example.org",
              xclient=None, timeout=30):
    """Send one message.  Returns (code, text) of the last answer and the
    refused recipients as {address: (code, text)}."""
    host, _, port = address.rpartition(":")
    refused = {}
    with smtplib.SMTP(host, int(port), local_hostname=helo,
                      timeout=timeout) as smtp:
        smtp.ehlo(helo)
        if xclient:
            answer = smtp.docmd("XCLIENT " + " ".join(
                f"{k}={v}" for k, v in xclient.items()))
            if answer[0] != 220:
                return answer, refused
            answer = smtp.ehlo(helo)
            if answer[0] != 250:
                return answer, refused
        answer = smtp.mail(sender)
        if answer[0] != 250:
            return answer, refused
        for one in recipients:
            answer = smtp.rcpt(one)
            if answer[0] not in (250, 251):
                refused[one] = answer
        if len(refused) == len(recipients):
            return answer, refused
        return smtp.data(raw), refused
