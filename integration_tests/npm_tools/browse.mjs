// Opens a report in Chromium and prints what is to be seen as JSON: node browse.mjs MODULES CHROMIUM PAGE SHOTS
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [modules, executablePath, page, shots] = process.argv.slice(2);
const { chromium } = createRequire(`${modules}/anchor.js`)("playwright-core");
const address = pathToFileURL(page).href;
const browser = await chromium.launch({
  executablePath,
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});

async function look(colorScheme) {
  const context = await browser.newContext({ colorScheme, viewport: { width: 1000, height: 800 } });
  const tab = await context.newPage();
  const requests = [], messages = [];
  let dialogs = 0;
  tab.on("request", (request) => requests.push(request.url()));
  tab.on("console", (message) => messages.push(message.text()));
  tab.on("pageerror", (error) => messages.push(String(error)));
  tab.on("dialog", (dialog) => (dialogs++, dialog.dismiss()));
  await tab.goto(address);
  const seen = await tab.evaluate(() => {
    const all = (selector) => [...document.querySelectorAll(selector)];
    const drawn = (canvas) =>
      canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.some((value) => value > 0);
    return {
      title: document.title,
      text: document.body.innerText,
      headings: all("h2").map((heading) => heading.textContent),
      elements: [...new Set(all("body *").map((element) => element.localName))].sort(),
      canvases: all("canvas").map(drawn),
      bars: all(".bars .fill").map((fill) => Math.round(fill.getBoundingClientRect().width)),
      cells: all(".heat td.cell").filter((cell) => cell.style.background).map((cell) => cell.title),
      sparks: all(".spark path").map((path) => path.getTotalLength() > 0),
      scroll: document.documentElement.scrollWidth <= innerWidth,
      ground: getComputedStyle(document.body).backgroundColor,
      ran: typeof globalThis.hostile,
    };
  });
  await tab.screenshot({ path: `${shots}/${colorScheme}.png`, fullPage: true });
  const before = { requests: [...requests], messages: [...messages] };

  const column = () => tab.$$eval(".wide table:not(.heat) tbody tr td:nth-child(2)", (cells) => cells.map((c) => c.textContent));
  const sorted = [await column()];
  for (let click = 0; click < 2; click++) {
    await tab.click(".wide table:not(.heat) th:nth-child(2) button");
    sorted.push(await column());
  }
  // What a hostile text would need: the page's policy refuses it even if it came into the page.
  const injected = await tab.evaluate(async () => {
    const script = document.createElement("script");
    script.textContent = "globalThis.hostile = 1";
    document.body.append(script);
    document.body.insertAdjacentHTML("beforeend", '<img src="x.png" onerror="globalThis.hostile = 2">');
    const fetched = await fetch("http://127.0.0.1:9/").then(() => "sent", () => "refused");
    return [typeof globalThis.hostile, fetched];
  });
  await context.close();
  return { ...seen, ...before, dialogs, sorted, injected };
}

console.log(JSON.stringify({ address, light: await look("light"), dark: await look("dark") }));
await browser.close();
