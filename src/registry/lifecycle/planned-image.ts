import type { SeenManifest } from "../../policy/index.ts";

/** Images of a plan that travel, and that a row of a preview keeps, together. */
export const imagesOfPage = 250;

/** An image that goes or is archived by a plan, as its row keeps it. */
export interface PlannedImage {
  /** It is archived and does not go. */
  readonly archives?: true;
  /** Its turn. */
  readonly place: number;
  readonly digest: string;
  readonly tags: readonly string[];
  readonly pushedAt: number;
  readonly rule: string | null;
  /** A sentence. */
  readonly reason: string;
  /** Digests that go with it. */
  readonly along: readonly string[];
  /** Freed with it. */
  readonly bytes: number;
  /** What it and what goes along looked like. */
  readonly seen: readonly SeenManifest[];
}
