"""What services name that run shell commands at home. It can be named and made; self.commands is refused."""

from dataclasses import dataclass, field


@dataclass
class CommandResult:
    """How a command ended."""

    cid: str = ""
    command: str = ""
    stdin: str = ""
    stdout: str = ""
    stderr: str = ""
    is_async: bool = False
    use_pubsub: bool = False
    is_timeout: bool = False
    timeout_msg: str = ""
    is_ok: bool = False
    exit_code: int = -1
    len_stdout_bytes: int = 0
    len_stderr_bytes: int = 0
    len_stdout_human: str = ""
    len_stderr_human: str = ""
    start_time: str = ""
    start_time_iso: str = ""
    end_time: str = ""
    end_time_iso: str = ""
    total_time: str = ""
    total_time_sec: float = 0.0
    encoding: str = "utf-8"
    replace_char: str = "\ufffd"
    extra: dict = field(default_factory=dict)
