// The command `coral` on Linux: gives a script a head start and becomes the Python program beside it.
//
// Deno needs 16 ms until it can begin with a script, Python 14 until it knows how the script is to be started. Both at
// the same time is half as long: where the same command line ran before, its plan lies in the cache, and Deno is started
// by it at once, behind the same walls. It waits at a gate before the script begins. Python then works out the plan as
// ever, and opens the gate if it is the same to the byte; else it ends that process and starts another.
// The other half is runner/head_start.py. Whatever does not fit here: Python does it all.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../launch.h"

static const char VARIABLE[] = "CORAL_HEAD_START";
enum { NAME = 16, MOST_BYTES = 1 << 20 };

// As config/paths.py finds it. Only where that is an absolute path.
static bool cache(char *folder, size_t size) {
  const char *base = getenv("CORAL_CACHE_DIR"), *below = "";
  if (!base || !*base) {
    base = getenv("XDG_CACHE_HOME");
    below = "/coral";
    if (!base || *base != '/') {
      base = getenv("HOME");
      below = "/.cache/coral";
    }
  }
  return base && *base == '/' && snprintf(folder, size, "%s%s", base, below) < (int)size;
}

static const uint64_t FNV_START = 0xcbf29ce484222325;

static uint64_t mix(uint64_t hash, const char *text) {  // FNV-1a
  do hash = (hash ^ (unsigned char)*text) * 0x100000001b3;
  while (*text++);
  return hash;
}

// The name of a plan: who is asked, where, for what, and whether input and output are terminals, or output goes into files,
// whose sizes are limited. That two have the same does no harm.
static bool name_plan(char *name, const char *program, char **argv) {
  char here[PATH_MAX];
  if (!getcwd(here, sizeof here)) return false;
  uint64_t hash = mix(mix(FNV_START, program), here);
  while (*++argv) hash = mix(hash, *argv);
  for (int number = 0; number <= 2; number++) {
    struct stat status;
    bool file = number && fstat(number, &status) == 0 && S_ISREG(status.st_mode);
    if (file && status.st_size) return false;  // its limit is another one each time
    hash = mix(hash, file ? "f" : isatty(number) ? "t" : "");
  }
  return snprintf(name, NAME + 1, "%0*llx", NAME, (unsigned long long)hash) == NAME;
}

static bool is_ours(int descriptor, mode_t kind, mode_t others, struct stat *status) {
  return descriptor >= 0 && fstat(descriptor, status) == 0 && (status->st_mode & S_IFMT) == kind &&
         status->st_uid == geteuid() && (status->st_mode & others) == 0;
}

// The folder of the plans, if nobody else can have put anything there; -1, with `none` if there is no such folder yet.
static int open_folder(const char *cache_folder, bool *none) {
  struct stat status;
  int base = open(cache_folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
  *none = base < 0 && errno == ENOENT;
  if (!is_ours(base, S_IFDIR, S_IWGRP | S_IWOTH, &status)) {
    if (base >= 0) close(base);
    return -1;
  }
  int folder = openat(base, "starts", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  *none = folder < 0 && errno == ENOENT;
  close(base);
  if (folder < 0 || is_ours(folder, S_IFDIR, S_IRWXG | S_IRWXO, &status)) return folder;
  close(folder);
  return -1;
}

enum gate { OURS, SPOILED, TAKEN };

// Locks the gate of a plan, so that one run at a time waits at it.
static enum gate take_gate(int folder, const char *name, int *gate) {
  char gate_name[NAME + sizeof ".gate"], left[4096];
  struct stat status, there;
  snprintf(gate_name, sizeof gate_name, "%s.gate", name);
  *gate = openat(folder, gate_name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (!is_ours(*gate, S_IFIFO, S_IRWXG | S_IRWXO, &status)) return SPOILED;
  if (flock(*gate, LOCK_EX | LOCK_NB) != 0) return TAKEN;
  if (fstatat(folder, gate_name, &there, AT_SYMLINK_NOFOLLOW) != 0 || there.st_ino != status.st_ino) return TAKEN;
  while (read(*gate, left, sizeof left) > 0) continue;  // of a run that ended before it read
  return OURS;
}

// What of a script's output would reach a terminal goes through a filter, which is Python's: into a pipe, or two where
// the terminals are two (coral.runner.relay).
struct pipes {
  int ends[4];  // to read and to write, of the first and the second; -1 where there is none
  int64_t stdio[3];
};

static const struct pipes NO_PIPES = {{-1, -1, -1, -1}, {-1, -1, -1}};

static bool make_pipes(struct pipes *pipes) {
  struct stat out, err;
  int *next = pipes->ends;
  for (int number = 1; number <= 2; number++) {
    if (!isatty(number)) continue;
    if (next != pipes->ends && fstat(1, &out) == 0 && fstat(2, &err) == 0 && out.st_rdev == err.st_rdev) {
      pipes->stdio[2] = pipes->stdio[1];
    } else {
      if (pipe2(next, O_CLOEXEC) != 0) return false;
      pipes->stdio[number] = next[1];
      next += 2;
    }
  }
  return true;
}

static void pass_on(int descriptor) { fcntl(descriptor, F_SETFD, 0); }

static int64_t start(int plan, const int64_t *stdio) {
  struct stat status;
  if (!is_ours(plan, S_IFREG, S_IRWXG | S_IRWXO, &status) || status.st_size > MOST_BYTES) return 0;
  char *content = malloc((size_t)status.st_size + 1);
  if (!content) return 0;
  int64_t errors[CORAL_STEPS] = {0}, pid = 0;
  if (pread(plan, content, (size_t)status.st_size, 0) == status.st_size) {
    signal(SIGCHLD, SIG_DFL);  // where it is ignored nobody could wait for the process
    pid = coral_launch(content, (uint64_t)status.st_size, stdio[0], stdio[1], stdio[2], errors);
  }
  free(content);
  if (pid <= 0) return 0;
  for (int step = 0; step < CORAL_STEPS; step++) {
    if (!errors[step]) continue;
    kill((pid_t)pid, SIGKILL);  // a wall is missing: Python shall say so
    waitpid((pid_t)pid, NULL, 0);
    return 0;
  }
  return pid;
}

static bool is_zero(const char *variable) {
  const char *value = getenv(variable);
  return value && strcmp(value, "0") == 0;
}

static void head_start(const char *program, char **argv) {
  if (is_zero(VARIABLE) || is_zero("CORAL_NATIVE")) return;
  unsetenv(VARIABLE);
  if (getuid() != geteuid()) return;
  struct pipes pipes = NO_PIPES;
  char base[PATH_MAX], name[NAME + 1], told[PATH_MAX + 128];
  if (!cache(base, sizeof base) || !name_plan(name, program, argv)) return;
  int64_t pid = 0;
  bool none;
  int plan = -1, gate = -1, folder = open_folder(base, &none);
  if (folder < 0 && !none) return;
  if (folder >= 0) plan = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (plan >= 0) {
    enum gate state = take_gate(folder, name, &gate);
    if (state == TAKEN) return;  // the same command line runs already: there is one gate
    if (state == SPOILED) {
      if (gate >= 0) close(gate);
      gate = -1;  // Python makes another one
    } else {
      if (make_pipes(&pipes)) pid = start(plan, pipes.stdio);
      pass_on(gate);
      pass_on(plan);
      for (int each = 0; each < 4; each++) pass_on(pipes.ends[each]);
    }
  }
  if (gate < 0) plan = -1;
  int *ends = pipes.ends;
  snprintf(told, sizeof told, "%lld %d %d %d %d %d %d %s/starts/%s", (long long)pid, gate, plan, ends[0], ends[1], ends[2],
           ends[3], base, name);
  setenv(VARIABLE, told, 1);
}

// What this program is, through all links: the Python program is beside it.
static bool find_own(char *path, size_t size) {
  ssize_t length = readlink("/proc/self/exe", path, size - 1);
  if (length > 0) {
    path[length] = 0;
    return true;
  }
  char real[PATH_MAX];
  const char *executed = (const char *)getauxval(AT_EXECFN);
  return executed && realpath(executed, real) && snprintf(path, size, "%s", real) < (int)size;
}

int main(int argc, char **argv) {
  char program[PATH_MAX], python[PATH_MAX + 8];
  int null;
  do null = open("/dev/null", O_RDWR);  // where one of the first three is closed, nothing of ours shall take its place
  while (null >= 0 && null <= 2);
  if (null > 2) close(null);
  if (argc < 1 || !find_own(program, sizeof program)) {
    fputs("error: coral cannot find out where it is installed\nhint: python3 -m coral does the same\n", stderr);
    return EXIT_FAILURE;
  }
  snprintf(python, sizeof python, "%s-python", program);
  if (argc > 2 && strcmp(argv[1], "run") == 0) head_start(program, argv);
  argv[0] = python;
  execv(python, argv);
  fprintf(stderr, "error: %s cannot be started: %s\nhint: install the package coral again\n", python, strerror(errno));
  return EXIT_FAILURE;
}
