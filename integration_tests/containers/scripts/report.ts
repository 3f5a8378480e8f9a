// What the colony knows of one service (--param service=NAME), as numbers that a test compares.
import * as coral from "@coral/sdk";

const service = String(coral.params.service);
console.log(JSON.stringify({
  p50: await coral.metrics.getP50Ms(service),
  p99: await coral.metrics.getP99Ms(service),
  errors: await coral.metrics.getErrorRate(service),
  graph: (await coral.services.list()).map((found) => found.name).includes(service),
}));
