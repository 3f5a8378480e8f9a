//= wants: another user or group, a higher priority, and rights that last
import process from "node:process";
import os from "node:os";
const ways: Record<string, () => unknown> = {
  setgid: () => (process as unknown as { setgid: (id: number) => void }).setgid(process.getgid!()),
  setuid: () => (process as unknown as { setuid: (id: number) => void }).setuid(process.getuid!()),
  priority: () => os.setPriority(0, os.getPriority(0)),
  getPriority: () => os.getPriority(@victim@),
};
for (const [name, way] of Object.entries(ways)) {
  try {
    way();
    console.log("CAPTURED", name);
  } catch {
    // the next one
  }
}
