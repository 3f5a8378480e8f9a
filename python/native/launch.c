// Starts a program behind its walls. The child shares our memory until it executes the program (vfork): copying a
// Python process for it, and running Python in the copy, would cost a millisecond and a half of each `coral run`.
// Between the two there are system calls only, no allocation and no lock, and our thread stands still.
#define _GNU_SOURCE
#include "launch.h"

#include "plan.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// Not in the headers of glibc 2.27; the same on every CPU.
enum { ADD_RULE = 445, RESTRICT_SELF = 446, CLOSE_ALL = 436 };
enum { ON_EXEC = 4, BELOW_PATH = 1, READ_FILE = 1 << 2, SET_MODE_FILTER = 1, ALL_THREADS = 1 };

struct entry {  // linux_dirent64
  uint64_t inode;
  int64_t next;
  unsigned short length;
  unsigned char type;
  char name[];
};

// Before Linux 5.11. The limit on open files says nothing of those that are open already.
static void close_each_on_exec(void) {
  int folder = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return;
  _Alignas(struct entry) char buffer[2048];
  for (long read; (read = syscall(SYS_getdents64, folder, buffer, sizeof buffer)) > 0;) {
    for (long place = 0; place < read;) {
      const struct entry *entry = (const struct entry *)(buffer + place);
      place += entry->length;
      int number = atoi(entry->name);
      if (number > 2) fcntl(number, F_SETFD, FD_CLOEXEC);
    }
  }
  close(folder);
}

static void reset_signals(void) {
  struct sigaction action, standard = {.sa_handler = SIG_DFL};
  for (int number = 1; number < NSIG; number++) {
    if (sigaction(number, NULL, &action) != 0) continue;
    if (action.sa_handler != SIG_IGN && action.sa_handler != SIG_DFL) sigaction(number, &standard, NULL);
  }
  sigaction(SIGPIPE, &standard, NULL);  // Python ignores it, and a child would inherit that
  action = (struct sigaction){.sa_handler = SIG_IGN};
  sigaction(SIGXFSZ, &action, NULL);  // a write beyond the limit fails
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
}

// What comes from a terminal or a file is open for writing too as a rule: by it a script could steer the terminal past the
// filter of its output. Where it cannot be opened anew, as another user's terminal, there is nothing to read.
static int stdin_for_reading(void) {
  int flags = fcntl(0, F_GETFL);
  if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY) return 0;
  off_t place = lseek(0, 0, SEEK_CUR);
  int reader = -1, error = 0;
  if ((flags & O_ACCMODE) == O_RDWR) {
    reader = open("/proc/self/fd/0", O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (reader < 0) error = errno;
    if (reader < 0 && !isatty(0)) return 0;  // a socket, or a machine without /proc
  }
  if (reader < 0) reader = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (place > 0) lseek(reader, place, SEEK_SET);
  fcntl(reader, F_SETFL, flags & O_NONBLOCK);
  if (dup2(reader, 0) < 0) return errno;
  close(reader);
  return error;
}

// pthread_getattr_np reads it, and Deno's parser panics if it cannot. A file of our own process exists only now; the
// rule is on it, not on the path.
static int allow_own_maps(int ruleset) {
  int maps = open("/proc/self/maps", O_PATH | O_CLOEXEC);
  if (maps < 0) return 0;  // no /proc here: nothing can be allowed
  struct __attribute__((packed)) {
    uint64_t access;
    int32_t descriptor;
  } rule = {READ_FILE, maps};
  int result = (int)syscall(ADD_RULE, ruleset, BELOW_PATH, &rule, 0);
  close(maps);
  return result;
}

static void confine(const struct coral_plan *plan, pid_t parent, int64_t *errors) {
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) errors[CORAL_PARENT_DEATH] = errno;
  if (getppid() != parent) _exit(127);  // it was killed before it could be watched
  for (uint64_t number = 0; number < plan->rlimit_count; number++) {
    const uint64_t *pair = plan->rlimits + 2 * number;
    struct rlimit limit = {pair[1], pair[1]};
    if (setrlimit((int)pair[0], &limit) != 0) errors[CORAL_RLIMITS] = errno;
  }
  if (syscall(CLOSE_ALL, 3, ~0u, ON_EXEC) != 0) close_each_on_exec();
  if (!plan->no_new_privs) return;
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    errors[CORAL_NO_NEW_PRIVS] = errno;
    return;  // the two below need it
  }
  if (plan->ruleset >= 0 &&
      (allow_own_maps(plan->ruleset) != 0 || syscall(RESTRICT_SELF, plan->ruleset, 0) != 0))
    errors[CORAL_LANDLOCK] = errno;
  if (plan->filter) {
    struct sock_fprog program = {(unsigned short)plan->filter_length, plan->filter};
    for (uint64_t place = 0; place < plan->filter_length; place++)
      if (plan->filter[place].k == plan->own_process) plan->filter[place].k = (uint32_t)getpid();
    if (syscall(SYS_seccomp, SET_MODE_FILTER, ALL_THREADS, &program) != 0) errors[CORAL_SECCOMP] = errno;
  }
}

static _Noreturn void become(const struct coral_plan *plan, const int64_t *stdio, pid_t parent, int64_t *errors) {
  for (int number = 0; number < 3; number++)
    if (stdio[number] >= 0 && dup2((int)stdio[number], number) < 0) goto failed;
  errors[CORAL_STDIN] = stdin_for_reading();
  if (plan->own_group && setpgid(0, 0) != 0) goto failed;
  reset_signals();
  confine(plan, parent, errors);
  // Not libc's execve: the filter looks at the address.
  syscall(SYS_execve, plan->program, plan->argv, plan->envp);
failed:
  errors[CORAL_EXEC] = errno;
  _exit(127);
}

static pid_t start(const struct coral_plan *plan, const int64_t *stdio, int64_t *errors) {
  sigset_t all, before;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, &before);  // until its handlers are gone: they are ours, in our memory
  pid_t parent = getpid();
  pid_t child = vfork();
  if (child == 0) become(plan, stdio, parent, errors);
  int error = errno;
  sigprocmask(SIG_SETMASK, &before, NULL);
  if (child < 0) errors[CORAL_EXEC] = error;
  if (child > 0 && errors[CORAL_EXEC]) {
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR) continue;
    child = -1;
  }
  return child;
}

int64_t coral_launch(const void *bytes, uint64_t length, int64_t in, int64_t out, int64_t err, int64_t *errors) {
  struct coral_plan plan;
  const int64_t stdio[3] = {in, out, err};
  errors[CORAL_EXEC] = coral_plan_read(&plan, bytes, length);
  pid_t child = errors[CORAL_EXEC] ? -1 : start(&plan, stdio, errors);
  coral_plan_free(&plan);
  return child;
}
