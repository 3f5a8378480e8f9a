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

static uint64_t mix(uint64_t hash, const char *text) {  // FNV-1a
  do hash = (hash ^ (unsigned char)*text) * 0x100000001b3;
  while (*text++);
  return hash;
}

// The name of a plan: who is asked, where, for what. That two have the same does no harm.
static bool name_plan(char *path, size_t size, const char *program, char **argv) {
  char folder[PATH_MAX], here[PATH_MAX];
  if (!cache(folder, sizeof folder) || !getcwd(here, sizeof here)) return false;
  uint64_t hash = mix(mix(0xcbf29ce484222325, program), here);
  while (*++argv) hash = mix(hash, *argv);
  return snprintf(path, size, "%s/starts/%0*llx", folder, NAME, (unsigned long long)hash) < (int)size;
}

static bool is_ours(int descriptor, mode_t kind, struct stat *status) {
  return fstat(descriptor, status) == 0 && (status->st_mode & S_IFMT) == kind && status->st_uid == geteuid() &&
         (status->st_mode & (S_IRWXG | S_IRWXO)) == 0;
}

static int64_t start(int plan) {
  struct stat status;
  if (!is_ours(plan, S_IFREG, &status) || status.st_size > MOST_BYTES) return 0;
  char *content = malloc((size_t)status.st_size + 1);
  if (!content) return 0;
  int64_t errors[CORAL_STEPS] = {0}, pid = 0;
  if (pread(plan, content, (size_t)status.st_size, 0) == status.st_size)
    pid = coral_launch(content, (uint64_t)status.st_size, -1, -1, -1, errors);
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

static void head_start(const char *program, char **argv) {
  const char *wanted = getenv(VARIABLE);
  if (wanted && strcmp(wanted, "0") == 0) return;
  unsetenv(VARIABLE);
  // On a terminal the output goes through a filter, which is Python's.
  if (isatty(0) || isatty(1) || isatty(2) || getuid() != geteuid()) return;
  char path[PATH_MAX], gate_path[PATH_MAX + 8], told[PATH_MAX + 64];
  if (!name_plan(path, sizeof path, program, argv)) return;
  int64_t pid = 0;
  int gate = -1, plan = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (plan >= 0) {
    snprintf(gate_path, sizeof gate_path, "%s.gate", path);
    struct stat status;
    gate = open(gate_path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (gate < 0 || !is_ours(gate, S_IFIFO, &status)) return;
    if (flock(gate, LOCK_EX | LOCK_NB) != 0) return;  // the same command line runs already: there is one gate
    struct stat there;
    if (lstat(gate_path, &there) != 0 || there.st_ino != status.st_ino) return;  // it was taken away before
    pid = start(plan);
    fcntl(gate, F_SETFD, 0);  // for Python
    fcntl(plan, F_SETFD, 0);
  }
  snprintf(told, sizeof told, "%lld %d %d %s", (long long)pid, gate, plan, path);
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
