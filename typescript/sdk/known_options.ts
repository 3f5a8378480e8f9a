/** @internal What a function says about options that nobody reads. */
export interface Refusal {
  /** What is wrong. */
  message: string;
  /** What to write instead. */
  hint: string;
}

/** @internal Looks for a key of options that nobody reads; undefined when there is none. */
export function refusal(options: unknown, what: string, known: readonly string[]): Refusal | undefined {
  const reads = `reads ${known.join(", ")}`;
  if (Object(options) !== options || Array.isArray(options)) {
    return {
      message: `the options of ${what} are ${JSON.stringify(options)}, expected an object`,
      hint: `${what} ${reads}`,
    };
  }
  const key = Object.keys(options as object).find((each) => !known.includes(each));
  if (key === undefined) return undefined;
  const near = known.map((name) => ({ name, far: distance(key.toLowerCase(), name.toLowerCase()) }))
    .sort((a, b) => a.far - b.far)[0];
  return {
    message: `${what} has no option ${JSON.stringify(key)}`,
    hint: near.far <= 3 && near.far < key.length ? `did you mean ${near.name}?` : `it ${reads}`,
  };
}

/** How many letters have to change to make one word of the other. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[b.length];
}
