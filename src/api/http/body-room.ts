import { RegistryError } from "../../oci/index.ts";

/** Somebody whose body is gathered. */
export interface Gatherer {
  /** Ends the reading of the body; undefined when it has ended. */
  readonly cut: ((error: RegistryError) => void) | undefined;
}

/**
 * The memory that bodies share while they are gathered whole. When it does not suffice the oldest is cut: who sends as
 * fast as others do is done long before its turn comes.
 */
export class BodyRoom {
  readonly #limit: number;
  /** With their bytes, the oldest first. */
  readonly #inside = new Map<Gatherer, number>();
  #used = 0;

  /** @param limit bytes */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Bytes in use. */
  get used(): number {
    return this.#used;
  }

  enter(gatherer: Gatherer): void {
    this.#inside.set(gatherer, 0);
  }

  grow(gatherer: Gatherer, bytes: number): void {
    this.#inside.set(gatherer, (this.#inside.get(gatherer) ?? 0) + bytes);
    this.#used += bytes;
    if (this.#used <= this.#limit) return;
    const [oldest] = this.#inside.keys();
    oldest?.cut?.(crowded());
  }

  leave(gatherer: Gatherer): void {
    this.#used -= this.#inside.get(gatherer) ?? 0;
    this.#inside.delete(gatherer);
  }
}

function crowded(): RegistryError {
  return new RegistryError(
    "UNAVAILABLE",
    "more is being pushed at once than there is memory for, and this body was the slowest: push it again",
  );
}
