/** What is computed, without Weft: rules and formulas are those of examples/quakes. */

const SHORT: Record<string, string> = { CA: "California", NV: "Nevada", MX: "Mexico" };
/** From so many earthquakes on a b-value means something. */
const ENOUGH = 30;

/** An event of the feed. */
export interface Event {
  id: string;
  properties: { type: string; place: string | null; mag: number | null; time: number };
  geometry: { coordinates: number[] };
}

export interface Quake {
  id: string;
  time_ms: number;
  place: string;
  magnitude: number;
  longitude: number;
  latitude: number;
  depth_km: number;
}

export interface Region {
  name: string;
  quakes: Quake[];
}

export interface Summary {
  region: string;
  count: number;
  strongest: Quake;
  energy_joules: number;
  b_value: number | null;
  histogram: Record<string, number>;
}

export interface World {
  count: number;
  rejected: Record<string, number>;
  regions: number;
  strongest: Quake;
  energy_joules: number;
  histogram: Record<string, number>;
  ranking: { region: string; count: number; strongest: number; energy_share: number; b_value: number | null }[];
}

/** In joules, after Gutenberg and Richter. */
function energy({ magnitude }: Quake): number {
  return 10 ** (1.5 * magnitude + 4.8);
}

export function regionOf({ place }: Quake): string {
  const last = place.split(", ").at(-1)!.trim();
  return SHORT[last] ?? last;
}

/** Why an event does not count. */
export function rejection({ properties, geometry }: Event): string | null {
  const [longitude = NaN, latitude = NaN, depth = NaN] = geometry.coordinates;
  if (properties.type !== "earthquake") return properties.type;
  if (!properties.place?.trim()) return "no place";
  if (properties.mag === null || properties.mag < -2 || properties.mag > 10) return "no plausible magnitude";
  if (Math.abs(longitude) > 180 || Math.abs(latitude) > 90) return "not on Earth";
  return depth >= -10 && depth <= 750 ? null : "no plausible depth";
}

export function quake({ id, properties, geometry }: Event): Quake {
  const [longitude, latitude, depth_km] = geometry.coordinates as [number, number, number];
  return { id, time_ms: properties.time, place: properties.place!, magnitude: properties.mag!, longitude, latitude, depth_km };
}

export function counts(names: Iterable<string | number>): Record<string, number> {
  const found: Record<string, number> = {};
  for (const name of names) found[name] = (found[name] ?? 0) + 1;
  return found;
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

/** Aki's estimate over what lies at or above the fullest tenth. */
function bValue(magnitudes: number[]): number | null {
  const tenth = (magnitude: number): number => Math.floor(magnitude * 10 + 0.5);
  const fullness = Object.entries(counts(magnitudes.map(tenth)));
  const fullest = Math.max(...fullness.map(([, count]) => count));
  const complete = Math.min(...fullness.filter(([, count]) => count === fullest).map(([name]) => Number(name)));
  const above = magnitudes.filter((magnitude) => tenth(magnitude) >= complete);
  if (above.length < ENOUGH) return null;
  return Math.LOG10E / (sum(above) / above.length - (complete / 10 - 0.05));
}

function firstStrongest(quakes: Quake[]): Quake {
  return quakes.reduce((best, one) =>
    one.magnitude > best.magnitude || (one.magnitude === best.magnitude && one.time_ms < best.time_ms) ? one : best,
  );
}

export function summary({ name, quakes }: Region): Summary {
  return {
    region: name,
    count: quakes.length,
    strongest: firstStrongest(quakes),
    energy_joules: sum(quakes.map(energy)),
    b_value: bValue(quakes.map(({ magnitude }) => magnitude)),
    histogram: counts(quakes.map(({ magnitude }) => Math.floor(magnitude))),
  };
}

export function together(summaries: Summary[], rejected: Record<string, number>): World {
  const total = sum(summaries.map((one) => one.energy_joules));
  const histogram: Record<string, number> = {};
  for (const one of summaries) {
    for (const [name, count] of Object.entries(one.histogram)) histogram[name] = (histogram[name] ?? 0) + count;
  }
  const ranking = summaries.map(({ region, count, strongest, energy_joules, b_value }) => ({
    region,
    count,
    strongest: strongest.magnitude,
    energy_share: energy_joules / total,
    b_value,
  }));
  return {
    count: sum(summaries.map(({ count }) => count)),
    rejected,
    regions: summaries.length,
    strongest: firstStrongest(summaries.map(({ strongest }) => strongest)),
    energy_joules: total,
    histogram,
    ranking: ranking.sort((one, other) => other.count - one.count || (one.region < other.region ? -1 : 1)),
  };
}
