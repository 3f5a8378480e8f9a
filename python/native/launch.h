// Starts a program behind its walls, by a plan: bytes that plan.py of coral.runner.containment writes.
#ifndef CORAL_LAUNCH_H
#define CORAL_LAUNCH_H

#include <stdint.h>

#define CORAL_API __attribute__((visibility("default")))

enum { CORAL_STDIN, CORAL_PARENT_DEATH, CORAL_RLIMITS, CORAL_NO_NEW_PRIVS, CORAL_LANDLOCK, CORAL_SECCOMP, CORAL_EXEC, CORAL_STEPS };

// stdio: descriptors that become 0, 1 and 2; -1 for those that are there.
// errors: CORAL_STEPS numbers, out: errno of each step that the kernel refused.
// Returns the process id; or -1, with errors[CORAL_EXEC]: then nothing is left of it.
CORAL_API int64_t coral_launch(const void *plan, uint64_t length, int64_t in, int64_t out, int64_t err,
                               int64_t *errors);

#endif
