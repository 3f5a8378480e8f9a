import * as coral from "../mod.ts";
import { withUnit } from "../draw/text.ts";
import { Answers, checkOptions, orUndefined, rounded, type SkillResult, type SkillStatus, worst } from "./result.ts";

// Pairs of windows and limits as in Google's SRE Workbook, chapter 5 (multiwindow, multi-burn-rate alerts): the long
// window says that it matters, the short one that it goes on.
const RULES = [
  { long: "1h", short: "5m", limit: 14.4, status: "critical" },
  { long: "6h", short: "30m", limit: 6, status: "warning" },
] as const;

/** Options of {@link sloBurn}. */
export interface SloBurnOptions {
  /** Only this service. Default: all. */
  service?: string;
  /** The share of requests that must succeed. Default: 0.999. */
  objective?: number;
}

/** How fast a service uses up its budget of errors; 1 would use up exactly all of it. */
export interface Burn {
  /** The service. */
  service: string;
  /** How it stands. */
  status: SkillStatus;
  /** Burn rates by window; null where there was no request. */
  burn: Record<"5m" | "30m" | "1h" | "6h", number | null>;
}

/**
 * How fast services use up the errors that their objective allows, over four windows.
 *
 * The burn rate is the share of failed requests divided by the share that may fail. It is critical when the last hour
 * and the last five minutes are above 14.4 (2 % of a month's budget in an hour), and a warning when the last six hours
 * and the last half hour are above 6: Google's SRE Workbook, chapter 5.
 *
 * @param options The objective, service.
 * @throws {RangeError} `objective` is no share between 0 and 1.
 * @throws {coral.CoralError} `INVALID_ARGUMENT`, `UNREACHABLE`, `TIMEOUT`, `NO_CONNECTION`.
 *
 * @example
 * ```ts
 * import * as skills from "@coral/sdk/skills";
 *
 * const { status, summary } = await skills.sloBurn({ objective: 0.995 });
 * if (status === "critical") console.error(summary);
 * ```
 */
export async function sloBurn(
  options: SloBurnOptions = {},
): Promise<SkillResult<{ objective: number; services: Burn[] }>> {
  checkOptions(options, "sloBurn", ["service", "objective"]);
  const { service, objective = 0.999 } = options;
  const answers = new Answers();
  if (!(objective > 0 && objective < 1)) {
    throw new RangeError(`objective is ${objective}, expected a share such as 0.999`);
  }
  const names = service === undefined ? (await answers.of(coral.services.list())).map(({ name }) => name) : [service];
  const windows = ["5m", "30m", "1h", "6h"] as const;
  const services = await Promise.all(names.map(async (name): Promise<Burn> => {
    const requests = await Promise.all(
      windows.map((window) => orUndefined(answers.of(coral.metrics.getRequests(name, window)))),
    );
    const burn = Object.fromEntries(windows.map((window, at) => {
      const rate = requests[at]?.errorRate;
      return [window, rate === undefined ? null : rounded(rate / (1 - objective))];
    })) as Burn["burn"];
    const broken = RULES.find(({ long, short, limit }) => (burn[long] ?? 0) >= limit && (burn[short] ?? 0) >= limit);
    const known = windows.some((window) => burn[window] !== null);
    return { service: name, status: broken?.status ?? (known ? "ok" : "no-data"), burn };
  }));
  const fastest = ({ burn }: Burn): number => burn["1h"] ?? burn["6h"] ?? 0;
  services.sort((a, b) => fastest(b) - fastest(a) || (a.service < b.service ? -1 : 1));
  const burning = services.filter(({ status }) => status === "critical" || status === "warning");
  const status = worst(services.map((each) => each.status));
  const share = withUnit(1 - objective, "fraction");
  return {
    summary: status === "no-data"
      ? "no service answered a request"
      : burning.length === 0
      ? `no service burns its budget of ${share} too fast; the fastest is ${services[0].service} at ` +
        `${fastest(services[0])}`
      : burning.map((each) => `${each.service} burns its budget of ${share} ${fastest(each)} times too fast`).join(
        "; ",
      ),
    status,
    data: { objective, services },
    recommendations: burning.map((each) =>
      each.status === "critical"
        ? `act on ${each.service} now: at this rate a month's budget is gone in ${
          withUnit(30 * 86400 / fastest(each), "s")
        }`
        : `look at ${each.service} today: skills.dependencyBlame({ service: "${each.service}" })`
    ),
    plots: [{
      kind: "table",
      title: `Burn rates for ${withUnit(objective, "fraction")}`,
      columns: [{ name: "service" }, ...windows.map((name) => ({ name })), { name: "status" }],
      rows: services.map((each) => [each.service, ...windows.map((window) => each.burn[window]), each.status]),
    }],
    completeness: answers.completeness(),
  };
}
