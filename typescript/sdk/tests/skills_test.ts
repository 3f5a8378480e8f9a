// What holds for all skills: their options, and how they say how complete the answers were. What they find is tested
// over recorded data, in python/tests/skills.

import assert from "node:assert/strict";
import * as coral from "../mod.ts";
import * as skills from "../skills.ts";
import { Answers } from "../skills/result.ts";
import { connect, serve } from "./server.ts";

const wrong: [skill: string, key: string, hint: string][] = [
  ["latencyReport", "warnMs", "did you mean warningMs?"],
  ["errorCorrelation", "widow", "did you mean window?"],
  ["slowTraces", "treshold", "did you mean threshold?"],
  ["memoryAgainstErrors", "agents", "did you mean agent?"],
  ["regression", "leest", "did you mean least?"],
  ["noisyNeighbour", "busypct", "did you mean busyPct?"],
  ["dependencyBlame", "servce", "did you mean service?"],
  ["sloBurn", "window", "it reads service, objective"],
];

Deno.test("the list has every skill", () => {
  assert.deepEqual(Object.keys(skills).sort(), wrong.map(([skill]) => skill).sort());
});

for (const [skill, key, hint] of wrong) {
  const ask = (skills as unknown as Record<string, (options: unknown) => Promise<unknown>>)[skill];
  Deno.test(`an unknown option is refused by ${skill}`, async () => {
    const refused = { name: "CoralError", reason: "INVALID_ARGUMENT" };
    const message = `skills.${skill} has no option "${key}"`;
    await assert.rejects(ask({ [key]: 1 }), { ...refused, message, hint });
    await assert.rejects(ask("payments"), { ...refused, message: /options of skills\..* are "payments"/ });
  });
}

const whole: coral.Completeness = {
  rowsCut: false,
  limitAdded: null,
  windowAddedMs: null,
  sampled: false,
  missingAgents: [],
  eventsLost: 0,
  notes: [],
};

Deno.test("of several answers the least complete in each respect is said", async () => {
  const answers = new Answers();
  const add = (part: Partial<coral.Completeness>) =>
    answers.of(Promise.resolve({ completeness: { ...whole, ...part } }));
  assert.deepEqual(answers.completeness(), whole);
  await add({ missingAgents: ["b"], eventsLost: 3, notes: ["z"] });
  await add({ missingAgents: ["a", "b"], eventsLost: 5, notes: ["y", "z"], windowAddedMs: 3_600_000 });
  await add({ rowsCut: true, limitAdded: 100, windowAddedMs: 60_000, sampled: true });
  await add({ rowsCut: true, limitAdded: 10_000 });
  assert.deepEqual(answers.completeness(), {
    rowsCut: true,
    limitAdded: 100,
    windowAddedMs: 60_000,
    sampled: true,
    missingAgents: ["a", "b"],
    eventsLost: 5,
    notes: ["y", "z"],
  });
});

Deno.test("a skill says which agents were missing in what it asked", async () => {
  await using server = await serve({
    listServices: () => ({ services: [{ name: "orders", instanceCount: 1 }] }),
    getErrorRate: ({ window }) => ({
      errorRate: 0.5,
      requestCount: 10n,
      errorCount: 5n,
      completeness: { missingAgents: [`host-${window!.seconds}`], eventsLost: window!.seconds },
    }),
  });
  connect(server.address);
  const { status, completeness } = await skills.sloBurn();
  assert.equal(status, "critical");
  assert.deepEqual(completeness, {
    ...whole,
    missingAgents: ["host-1800", "host-21600", "host-300", "host-3600"],
    eventsLost: 21600,
  });
});
