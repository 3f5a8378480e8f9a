// Checks that all instances of a service run with the same configuration; exit code 99 if not.
import * as coral from "@coral/sdk";

const { service, attribute, window } = coral.defineParams({
  service: { type: "string", default: "payments", description: "whose instances" },
  attribute: { type: "string", default: "app.config.hash", description: "resource attribute to compare" },
  window: { type: "duration", default: "15m", description: "instances seen within this time" },
});

const byHash = new Map<string, string[]>();
for (const { id, attributes } of await coral.services.instances(service, { window })) {
  const hash = String(attributes[attribute] ?? "(none)");
  byHash.set(hash, [...byHash.get(hash) ?? [], id]);
}
for (const [hash, ids] of byHash) console.log(`${hash}: ${ids.join(", ")}`);
coral.assert(byHash.size > 0, `instances of ${service} are known`);
coral.assert(byHash.size <= 1, `all instances of ${service} have the same ${attribute}`);
