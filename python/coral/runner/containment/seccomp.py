"""A filter of system calls (seccomp-BPF): what Deno never needs, and a break-out would.

It is a second wall: Deno gives a script no way to these calls, a bug in V8 might. Landlock knows files
and TCP ports; this adds what Landlock has no rule for: new processes, UDP, raw, netlink and Unix
sockets, listening, tracing, namespaces, the kernel's own programs and modules, changing modes and owners.

Refused calls fail with EPERM, so that a library which only tries goes on without. Numbers: Linux's
arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h.
"""

from __future__ import annotations

from coral.runner.containment.kernel import Kernel

SET_MODE_FILTER = 1
FILTER_FLAG_TSYNC = 1

# What is refused whatever its arguments: name -> (x86_64, aarch64). 0: the CPU has no such call.
_REFUSED = {
    # other processes
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "kcmp": (312, 272), "tkill": (200, 130), "pidfd_open": (434, 434), "pidfd_getfd": (438, 438),
    "pidfd_send_signal": (424, 424), "process_madvise": (440, 440), "migrate_pages": (256, 238),
    "move_pages": (279, 239), "setpgid": (109, 154), "setsid": (112, 157),
    # new processes; clone is below, for threads need it
    "fork": (57, 0), "vfork": (58, 0), "execveat": (322, 281), "uselib": (134, 0), "memfd_create": (319, 279),
    # namespaces and mounts
    "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40), "umount2": (166, 39),
    "pivot_root": (155, 41), "chroot": (161, 51), "open_tree": (428, 428), "move_mount": (429, 429),
    "fsopen": (430, 430), "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433),
    "mount_setattr": (442, 442), "open_by_handle_at": (304, 265), "name_to_handle_at": (303, 264),
    # the kernel
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282), "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426), "io_uring_register": (427, 427), "kexec_load": (246, 104),
    "kexec_file_load": (320, 294), "init_module": (175, 105), "finit_module": (313, 273),
    "delete_module": (176, 106), "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
    "syslog": (103, 116), "acct": (163, 89), "reboot": (169, 142), "swapon": (167, 224),
    "swapoff": (168, 225), "quotactl": (179, 60), "quotactl_fd": (443, 443), "fanotify_init": (300, 262),
    "settimeofday": (164, 170), "clock_settime": (227, 112), "adjtimex": (159, 171),
    "clock_adjtime": (305, 266), "sethostname": (170, 161), "setdomainname": (171, 162),
    "personality": (135, 92), "vhangup": (153, 58), "iopl": (172, 0), "ioperm": (173, 0),
    "modify_ldt": (154, 0), "memfd_secret": (447, 447), "vmsplice": (278, 75),
    # who we are
    "setuid": (105, 146), "setgid": (106, 144), "setreuid": (113, 145), "setregid": (114, 143),
    "setresuid": (117, 147), "setresgid": (119, 149), "setgroups": (116, 159), "setfsuid": (122, 151),
    "setfsgid": (123, 152), "capset": (126, 91),
    # modes, owners, times and special files, which Landlock does not hold
    "chmod": (90, 0), "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452), "chown": (92, 0),
    "fchown": (93, 55), "lchown": (94, 0), "fchownat": (260, 54), "setxattr": (188, 5),
    "lsetxattr": (189, 6), "fsetxattr": (190, 7), "removexattr": (197, 14), "lremovexattr": (198, 15),
    "fremovexattr": (199, 16), "setxattrat": (463, 463), "removexattrat": (466, 466), "utime": (132, 0),
    "utimes": (235, 0), "futimesat": (261, 0), "utimensat": (280, 88), "mknod": (133, 0),
    "mknodat": (259, 33),
    # memory that others can map
    "shmget": (29, 194), "shmat": (30, 196), "semget": (64, 190), "msgget": (68, 186), "mq_open": (240, 180),
}  # fmt: skip

# Where nothing is to be written at all: names and lengths of files. Landlock does not hold what is open
# already, and that is the user's own files behind stdin and stdout.
_REFUSED_WRITES = {
    "truncate": (76, 45), "ftruncate": (77, 46), "fallocate": (285, 47), "mkdir": (83, 0),
    "mkdirat": (258, 34), "rmdir": (84, 0), "unlink": (87, 0), "unlinkat": (263, 35), "rename": (82, 0),
    "renameat": (264, 38),
    "renameat2": (316, 276), "link": (86, 0), "linkat": (265, 37), "symlink": (88, 0), "symlinkat": (266, 36),
    "creat": (85, 0), "copy_file_range": (326, 285), "sendfile": (40, 71), "splice": (275, 76),
    "tee": (276, 77),
}  # fmt: skip

_CHECKED = {
    "clone": (56, 220), "clone3": (435, 435), "execve": (59, 221), "socket": (41, 198),
    "socketpair": (53, 199), "bind": (49, 200), "listen": (50, 201), "kill": (62, 129),
    "tgkill": (234, 131), "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240),
    "prlimit64": (302, 261), "ioctl": (16, 29), "sendto": (44, 206), "sendmsg": (46, 211),
    "open": (2, 0), "openat": (257, 56), "openat2": (437, 437), "pread64": (17, 67), "preadv": (295, 69),
    "preadv2": (327, 286), "pwrite64": (18, 68), "pwritev": (296, 70), "pwritev2": (328, 287),
}  # fmt: skip

_FEW = 4
ANY_PROCESS = 0x7FFFFFF1  # no process has this number, and nothing else in the filter
# An address that no process can have, in two halves that are nothing else in the filter either.
ANY_PLACE_LOW, ANY_PLACE_HIGH = 0x7FFFFFF2, 0x7FFFFFF3
ANY_PLACE = ANY_PLACE_HIGH << 32 | ANY_PLACE_LOW

# linux/audit.h
_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_X32 = 0x40000000  # x86's third set of numbers

_JUMP, _LOAD, _AND, _JUMP_EQUAL, _JUMP_GREATER_EQUAL, _JUMP_SET, _RETURN = (
    0x05,
    0x20,
    0x54,
    0x15,
    0x35,
    0x45,
    0x06,
)
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16  # struct seccomp_data
_ALLOW = 0x7FFF0000
_KILL_PROCESS = 0x80000000
_FAIL = 0x00050000
_EPERM, _EACCES, _ESPIPE, _ENOSYS = 1, 13, 29, 38
_OPEN_TO_WRITE = 0o1 | 0o2 | 0o100 | 0o1000  # O_WRONLY, O_RDWR, O_CREAT, O_TRUNC: alike on both CPUs

_CLONE_THREAD = 0x00010000
_CLONE_NAMESPACES = 0x7E020080  # CLONE_NEW*, time namespaces included
_AF_UNIX, _AF_INET, _AF_INET6 = 1, 2, 10
_STREAM, _DATAGRAM, _TYPE_MASK = 1, 2, 0xF
_TCP, _UDP = 6, 17
_MSG_FASTOPEN = 0x20000000  # connects without connect(), past Landlock's rule
_TERMINAL_INJECTION = (0x5412, 0x541C)  # TIOCSTI, TIOCLINUX: typing into the user's shell


def program(
    kernel: Kernel, *, exec_address: int, names: bool, unix: bool, inet: bool, listen: bool, writes: bool
) -> bytes:
    """Returns the filter as an array of `struct sock_filter`, for any process (`for_process`).

    Args:
        kernel: For the machine's numbers.
        exec_address: Where the path of the one program stands that may be executed. After that exec
            nobody knows this address, so there is no second one.
        names: Whether host names must be resolved, which needs UDP.
        unix: Whether Unix sockets may be connected.
        inet: Whether TCP sockets may be made.
        listen: Whether it may listen (the inspector).
        writes: Whether it may open files for writing, make and remove them (Landlock says where).
    """
    column = 0 if kernel.machine == "x86_64" else 1
    number = {name: numbers[column] for name, numbers in _CHECKED.items()}
    refused = [_fail(_EPERM)]
    answers = {numbers[column]: refused for numbers in _REFUSED.values()}
    answers[number["clone3"]] = [_fail(_ENOSYS)]  # its arguments cannot be seen; libc then uses clone
    answers[number["clone"]] = _clone()
    answers[number["execve"]] = _execve(exec_address)
    answers[number["socket"]] = _socket(names, unix, inet)
    answers[number["socketpair"]] = [*_require(0, _AF_UNIX), _op(_RETURN, _ALLOW)]
    answers[number["prlimit64"]] = [*_require(0, 0), _op(_RETURN, _ALLOW)]
    answers[number["ioctl"]] = _ioctl()
    answers[number["sendto"]] = _refuse_flag(3, _MSG_FASTOPEN)
    answers[number["sendmsg"]] = _refuse_flag(2, _MSG_FASTOPEN)
    if not writes:
        answers |= {numbers[column]: refused for numbers in _REFUSED_WRITES.values()}
        answers[number["open"]] = _open(1)
        answers[number["openat"]] = _open(2)
        answers[number["openat2"]] = [_fail(_ENOSYS)]  # its flags cannot be seen
        for name in ("pread64", "preadv", "preadv2", "pwrite64", "pwritev", "pwritev2"):
            answers[number[name]] = _not_standard()
    if not listen:
        answers[number["bind"]] = answers[number["listen"]] = refused
    for name in ("kill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo"):
        answers[number[name]] = [*_require(0, ANY_PROCESS), _op(_RETURN, _ALLOW)]
    if column == 1:
        answers.pop(0, None)  # 0 stands for calls that arm64 does not have
    code = [
        _op(_LOAD, _ARCHITECTURE),
        _op(_JUMP_EQUAL, _ARCHITECTURES[kernel.machine], 1, 0),
        _op(_RETURN, _KILL_PROCESS),
        _op(_LOAD, _NUMBER),
        _op(_JUMP_GREATER_EQUAL, _X32, 0, 1),
        _fail(_EPERM),
        *_search(_ranges(answers)),
    ]
    return b"".join(code)


def for_process(code: bytes, pid: int) -> bytes:
    """Returns the filter of one process, the only one to which it may send signals."""
    return code.replace(ANY_PROCESS.to_bytes(4, "little"), pid.to_bytes(4, "little"))


def _search(answers: list[tuple[int, int, list[bytes]]]) -> list[bytes]:
    """Finds the answer of a call by halving; a call that has none is allowed.

    The kernel runs the filter once for each call there is when it is put in place, so a list of two hundred
    comparisons would cost a millisecond.

    Args:
        answers: First call, last call, and what is answered, in order.
    """
    if len(answers) > _FEW:
        middle = len(answers) // 2
        left, right = _search(answers[:middle]), _search(answers[middle:])
        jump = _op(_JUMP, len(left))
        return [_op(_JUMP_GREATER_EQUAL, answers[middle][0], 0, 1), jump, *left, *right]
    code = []
    for first, last, answer in answers:
        if first == last:
            code.append(_op(_JUMP_EQUAL, first, 0, len(answer)))
        else:
            code.append(_op(_JUMP_GREATER_EQUAL, first, 0, 1 + len(answer)))
            code.append(_op(_JUMP_GREATER_EQUAL, last + 1, len(answer), 0))
        code += answer
    return [*code, _op(_RETURN, _ALLOW)]


def _ranges(answers: dict[int, list[bytes]]) -> list[tuple[int, int, list[bytes]]]:
    """Puts calls with consecutive numbers and the same answer together."""
    found: list[tuple[int, int, list[bytes]]] = []
    for number in sorted(answers):
        answer = answers[number]
        if found and found[-1][1] == number - 1 and found[-1][2] is answer:
            found[-1] = (found[-1][0], number, answer)
        else:
            found.append((number, number, answer))
    return found


def _clone() -> list[bytes]:
    return [
        _argument(0),
        _op(_JUMP_SET, _CLONE_NAMESPACES, 1, 0),
        _op(_JUMP_SET, _CLONE_THREAD, 1, 0),
        _fail(_EPERM),
        _op(_RETURN, _ALLOW),
    ]


def _execve(address: int) -> list[bytes]:
    return [
        *_require(0, address & 0xFFFFFFFF),
        _argument(0, high=True),
        _op(_JUMP_EQUAL, address >> 32, 1, 0),
        _fail(_EPERM),
        _op(_RETURN, _ALLOW),
    ]


def _open(flags: int) -> list[bytes]:
    return [_argument(flags), _op(_JUMP_SET, _OPEN_TO_WRITE, 0, 1), _fail(_EACCES), _op(_RETURN, _ALLOW)]


def _not_standard() -> list[bytes]:
    """Refuses a call on stdin, stdout and stderr: at a place, so on the user's file and not on a stream."""
    return [_argument(0), _op(_JUMP_GREATER_EQUAL, 3, 1, 0), _fail(_ESPIPE), _op(_RETURN, _ALLOW)]


def _socket(names: bool, unix: bool, inet: bool) -> list[bytes]:
    code = [_argument(0)]
    if unix:
        code += [_op(_JUMP_EQUAL, _AF_UNIX, 0, 1), _op(_RETURN, _ALLOW)]
    if not inet:
        return [*code, _fail(_EPERM)]
    code += [_op(_JUMP_EQUAL, _AF_INET, 2, 0), _op(_JUMP_EQUAL, _AF_INET6, 1, 0), _fail(_EPERM)]
    code += _socket_kind(_STREAM, _TCP)
    if names:
        code += _socket_kind(_DATAGRAM, _UDP)
    return [*code, _fail(_EPERM)]


def _socket_kind(kind: int, protocol: int) -> list[bytes]:
    # 0 is the kind's own protocol. Others are refused: Landlock's TCP rules do not see MPTCP.
    return [
        _argument(1),
        _op(_AND, _TYPE_MASK),
        _op(_JUMP_EQUAL, kind, 0, 4),
        _argument(2),
        _op(_JUMP_EQUAL, 0, 1, 0),
        _op(_JUMP_EQUAL, protocol, 0, 1),
        _op(_RETURN, _ALLOW),
    ]


def _ioctl() -> list[bytes]:
    return [_argument(1), *_any_of(list(_TERMINAL_INJECTION), _fail(_EPERM)), _op(_RETURN, _ALLOW)]


def _refuse_flag(argument: int, flag: int) -> list[bytes]:
    return [_argument(argument), _op(_JUMP_SET, flag, 0, 1), _fail(_EPERM), _op(_RETURN, _ALLOW)]


def _require(argument: int, value: int) -> list[bytes]:
    return [_argument(argument), _op(_JUMP_EQUAL, value, 1, 0), _fail(_EPERM)]


def _any_of(values: list[int], result: bytes) -> list[bytes]:
    """Returns a result for each of some values of the accumulator (at most 250: jumps have 8 bits)."""
    last = len(values) - 1
    code = [_op(_JUMP_EQUAL, value, last - place, 0) for place, value in enumerate(values[:-1])]
    return [*code, _op(_JUMP_EQUAL, values[-1], 0, 1), result]


def _argument(index: int, *, high: bool = False) -> bytes:
    return _op(_LOAD, _ARGUMENTS + 8 * index + (4 if high else 0))  # both CPUs are little-endian


def _fail(error: int) -> bytes:
    return _op(_RETURN, _FAIL | error)


def _op(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return bytes((code, 0, if_true, if_false)) + value.to_bytes(4, "little")
