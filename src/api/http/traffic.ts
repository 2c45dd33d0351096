import type { Principal } from "../../access/index.ts";
import { RecentMap } from "../../lib/index.ts";
import { RegistryError } from "../../oci/index.ts";
import type { Exchange } from "./exchange.ts";

/** How much one principal may ask; 0 is any. */
export interface TrafficLimits {
  /** Requests a second, on average. */
  readonly requestRate: number;
  /** Uploads of blobs at a time. */
  readonly uploadsAtOnce: number;
}

/** What was not asked for is saved up for this long (seconds): clients ask in bursts. */
const burst = 10;
/** Principals in the younger half of the map. */
const keptLimit = 20_000;

/** Requests that a principal may still send at once. */
interface Allowance {
  left: number;
  /** When it was worked out; milliseconds of the clock. */
  at: number;
}

/** Keeps one principal, or one address of those without a login, from taking what others need. */
export class Traffic {
  readonly #limits: TrafficLimits;
  readonly #now: () => number;
  readonly #allowances = new RecentMap<Allowance>(keptLimit, () => 1);
  readonly #uploads = new Map<string, number>();

  /** @param now milliseconds that only grow */
  constructor(limits: TrafficLimits, now: () => number = () => performance.now()) {
    this.#limits = limits;
    this.#now = now;
  }

  /**
   * Counts a request whose principal is known; an upload until its answer is out.
   * @param upload it brings bytes of a blob; told by its path where nothing is said
   * @throws RegistryError TOO_MANY_REQUESTS with the seconds to wait
   */
  admit(exchange: Exchange, upload = isUpload(exchange)): void {
    const { requestRate, uploadsAtOnce } = this.#limits;
    if (requestRate > 0) this.#admitRequest(keyOf(exchange), requestRate);
    if (uploadsAtOnce > 0 && upload) this.#admitUpload(exchange, uploadsAtOnce);
  }

  #admitRequest(key: string, rate: number): void {
    const now = this.#now();
    const known = this.#allowances.find(key);
    const left = Math.min(
      rate * burst,
      known === undefined ? rate * burst : known.left + ((now - known.at) * rate) / 1000,
    );
    if (left < 1) {
      const seconds = Math.max(1, Math.ceil((1 - left) / rate));
      const message = `more than ${rate} requests a second: wait ${seconds} s, then go on more slowly`;
      throw new RegistryError("TOO_MANY_REQUESTS", message, { detail: { retryAfter: seconds } });
    }
    if (known === undefined) this.#allowances.keep(key, { left: left - 1, at: now });
    else {
      known.left = left - 1;
      known.at = now;
    }
  }

  #admitUpload(exchange: Exchange, limit: number): void {
    const key = keyOf(exchange);
    const count = this.#uploads.get(key) ?? 0;
    if (count >= limit) {
      const message = `${limit} uploads are under way already: let one end, then send this one`;
      throw new RegistryError("TOO_MANY_REQUESTS", message);
    }
    this.#uploads.set(key, count + 1);
    exchange.response.once("close", () => {
      const left = (this.#uploads.get(key) ?? 1) - 1;
      if (left === 0) this.#uploads.delete(key);
      else this.#uploads.set(key, left);
    });
  }
}

function keyOf({ principal, address }: Exchange): string {
  if (principal.kind === "anonymous" || principal.kind === "operator") return address;
  return keyOfLogin(principal);
}

const keys = new WeakMap<Principal, string>();

/** Principals are remembered with their credentials, and a key that is made once is hashed once. */
function keyOfLogin(principal: Principal): string {
  let key = keys.get(principal);
  // Workloads share the row of their rule.
  if (key === undefined) keys.set(principal, (key = `${principal.kind}:${principal.id}:${principal.name}`));
  return key;
}

/** Requests that bring bytes of a blob. */
function isUpload({ request: { method }, path }: Exchange): boolean {
  return (method === "PATCH" || method === "PUT" || method === "POST") && path.includes("/blobs/uploads/");
}
