/** How the bench measures: by the page's own clock, from an event to the frame that shows what it asked for. */
import { readFileSync } from "node:fs";
import { type BrowserContext, type CDPSession, type Locator, type Page, test } from "@playwright/test";
import { signIn } from "../e2e/test";

export interface Measurement {
  /** What was measured. */
  figure: string;
  unit: string;
  /** The median of this time. */
  median: number;
  /** The promised value. */
  target?: number;
  better?: "lower" | "higher";
}

/** Keeps a measurement for the table; of several values the median. */
export function record(
  figure: string,
  unit: string,
  values: number | number[],
  target?: number,
  better: "lower" | "higher" = "lower",
): void {
  const sorted = [values].flat().sort((a, b) => a - b);
  const median = sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN;
  const made: Measurement = { figure, unit, median, better, ...(target === undefined ? {} : { target }) };
  test.info().annotations.push({ type: "measurement", description: JSON.stringify(made) });
}

export const server = () => ({
  url: process.env.WEFT_E2E_URL ?? "",
  token: process.env.WEFT_E2E_TOKEN ?? "",
  pid: Number(process.env.WEFT_BENCH_PID),
  end: async () => undefined,
});

/** What a page needs to be called ready: nothing loads, and what is named is there. A canvas counts once it was drawn. */
function watch(): void {
  const ready = (selector: string, path: string): boolean => {
    if (path && !new RegExp(path).test(location.pathname + location.search + location.hash)) return false;
    if (document.querySelector('[role="status"][aria-label="Loading"]')) return false;
    const all = selector.split(" && ");
    return all.every((one) => {
      const found = document.querySelector(one);
      return found instanceof HTMLCanvasElement ? found.width > 1 && found.height > 1 : found !== null;
    });
  };
  const painted = (selector: string, path: string): Promise<number> =>
    new Promise((resolve) => {
      const look = () => {
        if (!ready(selector, path)) requestAnimationFrame(look);
        else {
          // A message that is sent in a frame arrives when the frame is on screen and the page can be used.
          const { port1, port2 } = new MessageChannel();
          port1.onmessage = () => resolve(performance.now());
          requestAnimationFrame(() => port2.postMessage(0));
        }
      };
      look();
    });
  const long: number[] = [];
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) long.push(entry.duration);
  }).observe({ type: "longtask", buffered: true });
  Object.assign(window, {
    bench: {
      painted,
      long,
      /** From the next event of a kind to the ready page. */
      after: (kind: string, selector: string, path: string): Promise<number> =>
        new Promise((resolve) => {
          const heard = (event: Event) => {
            removeEventListener(kind, heard, true);
            void painted(selector, path).then((at) => resolve(at - event.timeStamp));
          };
          addEventListener(kind, heard, true);
        }),
    },
  });
}

interface Bench {
  painted(selector: string, path: string): Promise<number>;
  after(kind: string, selector: string, path: string): Promise<number>;
  long: number[];
}

declare global {
  interface Window {
    bench: Bench;
    moved?: Promise<number>;
  }
}

/** A page of a browser that is signed in and has nothing in its cache. */
export async function open(context: BrowserContext): Promise<Page> {
  await signIn(context, server().token);
  await context.addInitScript(watch);
  return await context.newPage();
}

/** Milliseconds from the start of a navigation until the page is ready. */
export async function load(page: Page, url: string, selector: string): Promise<number> {
  await page.goto(url, { waitUntil: "commit" });
  return await page.evaluate((of) => window.bench.painted(of, ""), selector);
}

/** Milliseconds from a click until what it leads to is ready. The pointer rests on it first, as a person's does. */
export async function click(
  page: Page,
  at: Locator,
  selector: string,
  path = "",
  more: Parameters<Locator["click"]>[0] = {},
): Promise<number> {
  await at.hover(more.position ? { position: more.position } : {});
  await page.waitForTimeout(120);
  await page.evaluate(
    ([of, to]) => {
      window.moved = window.bench.after("click", of ?? "", to ?? "");
    },
    [selector, path],
  );
  await at.click(more);
  return await page.evaluate(() => window.moved ?? Number.NaN);
}

/** Frames a second while something scrolls by so many pixels a frame for some seconds, and the longest frame. */
export async function scroll(
  page: Page,
  selector: string,
  by: { x: number; y: number },
  seconds = 3,
): Promise<{ rate: number; longestMs: number; cpuMs: number }> {
  const cpu = await mainThread(page);
  const before = await cpu();
  const found = await page.evaluate(
    async ([of, dx, dy, ms]) => {
      const element = document.querySelector(of);
      if (!element) throw new Error(`there is no ${of}`);
      const times: number[] = [];
      await new Promise<void>((resolve) => {
        let [sx, sy] = [dx, dy];
        const step = (now: number) => {
          times.push(now);
          const [left, top] = [element.scrollLeft, element.scrollTop];
          element.scrollBy(sx, sy);
          if (sy && element.scrollTop === top) sy = -sy;
          if (sx && element.scrollLeft === left) sx = -sx;
          if (now - (times[0] ?? now) < ms) requestAnimationFrame(step);
          else resolve();
        };
        requestAnimationFrame(step);
      });
      const took = (times.at(-1) ?? 0) - (times[0] ?? 0);
      const frames = times.slice(1).map((at, i) => at - (times[i] ?? 0));
      return { frames: frames.length, rate: (frames.length * 1000) / took, longestMs: Math.max(...frames) };
    },
    [selector, by.x, by.y, seconds * 1000] as const,
  );
  return { ...found, cpuMs: (((await cpu()) - before) * 1000) / found.frames };
}

/** Seconds of CPU time that a page's main thread has used: unlike a clock it does not count what else the machine does. */
export async function mainThread(page: Page): Promise<() => Promise<number>> {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send("Performance.enable", { timeDomain: "threadTicks" });
  return async () => {
    const { metrics } = await cdp.send("Performance.getMetrics");
    return metrics.find(({ name }) => name === "TaskDuration")?.value ?? Number.NaN;
  };
}

/** How long the answers of the server took that a page waited for since a time, in all. */
export async function waited(page: Page, part: string): Promise<number> {
  return await page.evaluate((of) => {
    const all = performance.getEntriesByType("resource") as PerformanceResourceTiming[];
    return Math.max(0, ...all.filter((e) => e.name.includes(of)).map((e) => e.responseEnd - e.requestStart));
  }, part);
}

/** Bytes of scripts, as they came over the wire, and how many requests there were to the API. */
export async function loaded(page: Page): Promise<{ script: number; requests: number }> {
  return await page.evaluate(() => {
    const all = performance.getEntriesByType("resource") as PerformanceResourceTiming[];
    return {
      script: all.filter((e) => e.name.endsWith(".js")).reduce((sum, e) => sum + e.encodedBodySize, 0),
      requests: all.filter((e) => e.name.includes("/api/v1/")).length,
    };
  });
}

/** What the page holds on the JavaScript heap after a collection, in MB. */
export async function heap(cdp: CDPSession): Promise<number> {
  await cdp.send("HeapProfiler.enable");
  await cdp.send("HeapProfiler.collectGarbage");
  const { usedSize } = await cdp.send("Runtime.getHeapUsage");
  return usedSize / 1e6;
}

/** The memory of the process that draws a page, in MB: what no other process shares, or its part. */
export async function processMemory(page: Page): Promise<number> {
  const browser = page.context().browser();
  if (!browser) return Number.NaN;
  const cdp = await browser.newBrowserCDPSession();
  const { processInfo } = await cdp.send("SystemInfo.getProcessInfo");
  const sizes = processInfo
    .filter(({ type }) => type === "renderer")
    .map(({ id }) => {
      const text = readFileSync(`/proc/${id}/smaps_rollup`, "utf8");
      return Number(/^Pss:\s+(\d+) kB/m.exec(text)?.[1] ?? 0) / 1000;
    });
  return Math.max(...sizes);
}

/** CPU seconds that a process has used. */
export function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
