#define _GNU_SOURCE
#include "plan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

// Not in the headers of glibc 2.27; the same on every CPU.
enum { CREATE_RULESET = 444, ADD_RULE = 445, BELOW_PATH = 1, TO_PORT = 2, OF_FILES = 7, FIXED_NOREPLACE = 0x100000 };
enum { PAGE = 1 << 16, USER_SPACE_BITS = 46, PLACES = 100, MOST_INSTRUCTIONS = 4096 };
static const char MAGIC[] = "coral-1";  // eight bytes with the zero

struct reader {
  const char *at;
  uint64_t left;
  int error;
};

static const char *bytes(struct reader *reader, uint64_t length) {
  uint64_t padded = (length + 7) & ~(uint64_t)7;  // all begins at a multiple of eight
  if (reader->error || padded < length || padded > reader->left) {
    reader->error = EINVAL;
    return NULL;
  }
  const char *found = reader->at;
  reader->at += padded;
  reader->left -= padded;
  return found;
}

static uint64_t number(struct reader *reader) {
  uint64_t value = 0;
  const char *found = bytes(reader, sizeof value);
  if (found) memcpy(&value, found, sizeof value);
  return value;
}

static char *text(struct reader *reader) {
  uint64_t length = number(reader);
  const char *found = bytes(reader, length);
  if (found && length && !memchr(found, 0, length - 1) && found[length - 1] == 0) return (char *)found;
  reader->error = EINVAL;
  return NULL;
}

// A count of things that take eight bytes or more each.
static uint64_t count(struct reader *reader) {
  uint64_t value = number(reader);
  if (value <= reader->left / 8) return value;
  reader->error = EINVAL;
  return 0;
}

static void *room(struct reader *reader, uint64_t amount, size_t size) {
  void *made = calloc(amount + 1, size);
  if (!made) reader->error = ENOMEM;
  return made;
}

static char **texts(struct reader *reader) {
  uint64_t amount = count(reader);
  char **made = room(reader, amount, sizeof *made);
  for (uint64_t place = 0; !reader->error && place < amount; place++) made[place] = text(reader);
  return made;
}

static int add_path(int ruleset, uint64_t rights, const char *path) {
  int descriptor = open(path, O_PATH | O_CLOEXEC);
  if (descriptor < 0) {
    // Nothing is there, or it may not be looked at: nothing can be allowed.
    bool nothing = errno == ENOENT || errno == ENOTDIR || errno == EACCES || errno == ELOOP;
    return nothing ? 0 : errno;
  }
  struct stat status;
  // A rule on a file may hold only rights that a file can have.
  if (fstat(descriptor, &status) == 0 && !S_ISDIR(status.st_mode)) rights &= OF_FILES;
  struct __attribute__((packed)) {
    uint64_t rights;
    int32_t descriptor;
  } rule = {rights, descriptor};
  int error = syscall(ADD_RULE, ruleset, BELOW_PATH, &rule, 0) == 0 ? 0 : errno;
  close(descriptor);
  // Of memfd_create, in no mounted file system: the kernel takes no rules for it, nor denies it.
  return error == EBADFD ? 0 : error;
}

static int add_port(int ruleset, uint64_t rights, uint64_t port) {
  uint64_t rule[2] = {rights, port};
  return syscall(ADD_RULE, ruleset, TO_PORT, rule, 0) == 0 ? 0 : errno;
}

static int make_ruleset(struct reader *reader) {
  uint64_t length = number(reader);
  const char *handled = bytes(reader, length);
  if (!length || reader->error) return -1;
  int ruleset = (int)syscall(CREATE_RULESET, handled, length, 0);  // close-on-exec
  if (ruleset < 0) reader->error = errno;
  for (uint64_t rules = count(reader); !reader->error && rules > 0; rules--) {
    uint64_t kind = number(reader), rights = number(reader);
    if (kind == TO_PORT) {
      uint64_t port = number(reader);
      if (!reader->error) reader->error = add_port(ruleset, rights, port);
    } else {
      const char *path = text(reader);
      if (!reader->error) reader->error = add_path(ruleset, rights, path);
    }
  }
  return ruleset;
}

// After the program was executed nobody knows this address, so the filter lets no second one be executed.
static void hide(struct coral_plan *plan, struct reader *reader, const char *program) {
  size_t length = strlen(program) + 1;
  for (int turn = 0; turn < PLACES; turn++) {
    uint64_t place;
    if (getrandom(&place, sizeof place, 0) != sizeof place) break;
    place >>= 64 - USER_SPACE_BITS;
    uint64_t start = place & ~(uint64_t)(PAGE - 1);
    plan->page_size = (place - start + length + PAGE - 1) & ~(size_t)(PAGE - 1);
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | FIXED_NOREPLACE;
    void *page = mmap((void *)start, plan->page_size, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (page == MAP_FAILED) continue;  // something is there, or it is too low
    if (page == (void *)start) {
      plan->page = page;
      plan->program = memcpy((char *)place, program, length);
      return;
    }
    munmap(page, plan->page_size);  // Linux before 4.17 takes the place as a wish
  }
  reader->error = ENOMEM;
}

static void take_filter(struct coral_plan *plan, struct reader *reader) {
  uint32_t own = (uint32_t)number(reader), low = (uint32_t)number(reader), high = (uint32_t)number(reader);
  uint64_t length = count(reader);
  const char *code = bytes(reader, length * sizeof *plan->filter);
  if (reader->error || !length) return;
  if (length > MOST_INSTRUCTIONS) {
    reader->error = EINVAL;
    return;
  }
  plan->filter = room(reader, length, sizeof *plan->filter);
  if (reader->error) return;
  memcpy(plan->filter, code, length * sizeof *plan->filter);
  for (uint64_t place = 0; place < length; place++) {
    uint32_t *value = &plan->filter[place].k;
    if (*value == low) *value = (uint32_t)(uintptr_t)plan->program;
    else if (*value == high) *value = (uint32_t)((uint64_t)(uintptr_t)plan->program >> 32);
  }
  plan->filter_length = length;
  plan->own_process = own;
}

int coral_plan_read(struct coral_plan *plan, const void *content, uint64_t length) {
  *plan = (struct coral_plan){.ruleset = -1};
  struct reader reader = {content, length, 0};
  const char *magic = bytes(&reader, sizeof MAGIC);
  if (!magic || memcmp(magic, MAGIC, sizeof MAGIC) != 0) return EINVAL;
  plan->own_group = number(&reader);
  plan->no_new_privs = number(&reader);
  const char *program = text(&reader);
  plan->argv = texts(&reader);
  plan->envp = texts(&reader);
  plan->rlimit_count = count(&reader);
  plan->rlimits = room(&reader, 2 * plan->rlimit_count, sizeof *plan->rlimits);
  for (uint64_t place = 0; !reader.error && place < 2 * plan->rlimit_count; place++)
    plan->rlimits[place] = number(&reader);
  if (!reader.error) hide(plan, &reader, program);
  if (!reader.error) plan->ruleset = make_ruleset(&reader);
  if (!reader.error) take_filter(plan, &reader);
  if (!reader.error && reader.left) reader.error = EINVAL;
  return reader.error;
}

void coral_plan_free(struct coral_plan *plan) {
  if (plan->ruleset >= 0) close(plan->ruleset);
  if (plan->page) munmap(plan->page, plan->page_size);
  free(plan->filter);
  free(plan->rlimits);
  free(plan->argv);
  free(plan->envp);
}
