"""Logger plugin of Snakemake: a message to a web address or by e-mail at the first failure and at the end of a run.

    PYTHONPATH=workflow/plugins snakemake --logger notify --logger-notify-to https://... (or mailto:me@lab.org)

A message that cannot be sent is told on the terminal and changes nothing else. docs/unattended.md has the fields.
"""

import json
import smtplib
import sys
import urllib.request
from dataclasses import dataclass, field
from email.message import EmailMessage
from logging import LogRecord
from pathlib import Path

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent
from snakemake_interface_logger_plugins.settings import LogHandlerSettingsBase

TIMEOUT = 10  # seconds
MAIL = "mailto:"


# Snakemake reads the types of these fields: no `from __future__ import annotations` here.
@dataclass
class LogHandlerSettings(LogHandlerSettingsBase):
    """Where messages go."""

    to: str = field(
        default="",
        metadata={
            "help": "Address: https://... (a webhook, gets JSON) or mailto:...",
            "env_var": True,
            "required": True,
        },
    )
    smtp: str = field(default="localhost:25", metadata={"help": "Mail server, host:port", "env_var": False})


class LogHandler(LogHandlerBase):
    """Counts what Snakemake tells, and sends at most two messages a run."""

    def __post_init__(self) -> None:
        self.done, self.total, self.errors = 0, 0, []
        self.failed: dict[int, str] = {}
        self.told_failure = self.closed = self.started = False

    def emit(self, record: LogRecord) -> None:
        event = getattr(record, "event", None)
        if event == LogEvent.PROGRESS:
            self.done, self.total = record.done, record.total
        elif event == LogEvent.JOB_INFO:
            self.started = True
            self.failed.pop(record.jobid, None)  # it is tried again
        elif event == LogEvent.JOB_ERROR:
            self.failed[record.jobid] = record.rule_name
            if not self.told_failure:
                self.told_failure = True
                self._send("failing")
        elif event == LogEvent.ERROR:
            self.errors.append(record.getMessage())

    def close(self) -> None:
        if not self.closed and (self.started or self.errors):
            whole = self.total and self.done == self.total
            failed = self.failed or self.errors
            self._send("failed" if failed else "done" if whole else "stopped")
        self.closed = True
        super().close()

    def _send(self, state: str) -> None:
        if self.common_settings.dryrun:
            return
        folder, rules = str(Path.cwd()), sorted(set(self.failed.values()))
        text = f"alscell {state}: {self.done} of {self.total or '?'} jobs done in {folder}"
        text += f"; failed: {', '.join(rules)}" if rules else ""
        text += f"\n{self.errors[0]}" if self.errors and not rules else ""
        facts = {
            "text": text,
            "state": state,
            "done": self.done,
            "total": self.total,
            "failed": rules,
            "folder": folder,
        }
        try:
            self._mail(facts) if self.settings.to.startswith(MAIL) else self._post(facts)
        except (OSError, smtplib.SMTPException, ValueError) as reason:
            sys.stderr.write(f"The message '{state}' was not sent: {reason}\n")

    def _post(self, facts: dict) -> None:
        head = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.settings.to, json.dumps(facts).encode(), head)
        urllib.request.urlopen(request, timeout=TIMEOUT).close()

    def _mail(self, facts: dict) -> None:
        mail = EmailMessage()
        mail["From"] = mail["To"] = self.settings.to.removeprefix(MAIL)
        mail["Subject"] = facts["text"].splitlines()[0][:120]
        mail.set_content(facts["text"])
        host, _, port = self.settings.smtp.partition(":")
        with smtplib.SMTP(host, int(port or 25), timeout=TIMEOUT) as server:
            server.send_message(mail)

    @property
    def writes_to_stream(self) -> bool:
        return False

    @property
    def writes_to_file(self) -> bool:
        return False

    @property
    def has_filter(self) -> bool:
        return True  # its own: --quiet must not silence it

    @property
    def has_formatter(self) -> bool:
        return True

    @property
    def needs_rulegraph(self) -> bool:
        return False
