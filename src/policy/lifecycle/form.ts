import type { ImageFacts } from "./facts.ts";

/** A version that tags are put in order by. */
export interface Version {
  compare(other: Version): number;
}

/** What policies are matched with; handed in, since policy takes no package. */
export interface Patterns {
  /** Whether a whole text matches an expression of RE2, in linear time. @throws SyntaxError */
  regex(source: string): (text: string) => boolean;
  /** Whether a version lies in a range such as `>=1.2 <2`. @throws SyntaxError */
  range(source: string): (version: Version) => boolean;
  /** The version that a tag names, with or without `v`. */
  version(tag: string): Version | undefined;
}

/** An image that rules decide on, seen the way of a grammar. Times are milliseconds since 1970. */
export interface Candidate {
  /** Its place in the facts. */
  readonly at: number;
  readonly facts: ImageFacts;
  /** Names that count as tags. */
  readonly tags: readonly string[];
  readonly pushed: number;
  /** Null for never. */
  readonly pulled: number | null;
  readonly created: number;
  /** When it went into the archive; null for never. */
  readonly archived: number | null;
  /** `os/architecture` and `os/architecture/variant` of it and its children. */
  readonly platforms: readonly string[];
}

/** By what images are put in order, the latest or highest first. `active`: pushed or pulled, whichever was later. */
export type Order = "pushed" | "pulled" | "active" | "version";

/** Of the images that a rule selects, those that it acts on; several measures must all hold. */
export type Measure =
  | { readonly kind: "newest"; readonly by: Order; readonly count: number; readonly take: "among" | "beyond" }
  | {
      readonly kind: "age";
      readonly by: "pushed" | "pulled" | "created" | "archived";
      /** Milliseconds. */
      readonly than: number;
      readonly take: "older" | "younger";
      /** What an age of just as much is. */
      readonly even: "older" | "younger";
      /** Milliseconds that times are rounded down to before they are compared. */
      readonly unit: number;
    };

/** A rule in the form that all grammars are read into. */
export interface LifecycleRule {
  /** As people know it; unique in its policy. */
  readonly name: string;
  readonly action: "keep" | "expire" | "transition";
  /** Whether it is for a repository of this name. */
  readonly applies: (repository: string) => boolean;
  readonly selects: (image: Candidate) => boolean;
  /** The highest version among the tags that it selected by; undefined leaves an image out of an order by version. */
  readonly versionOf: (image: Candidate) => Version | undefined;
  readonly measures: readonly Measure[];
}

/** How the rules come together: each grammar has its own way. */
export type Resolution =
  /** Berth: every rule sees every image. */
  | "independent"
  /** Berth: an image belongs to the first expiring rule that selects it, and later ones do not see it. */
  | "first"
  /** ECR: every rule sees every image; the first that selects one keeps later ones from acting on it. */
  | "shielding"
  /** Harbor: what no rule keeps goes. */
  | "retaining";

/** Bounds of one run over one repository. */
export interface Floor {
  /** Images that stay at least. */
  readonly images: number;
  /** Of a hundred images, how many may go without confirmation. */
  readonly percent: number;
}

/** A policy in the form that all grammars are read into. */
export interface LifecyclePolicy {
  readonly grammar: "berth" | "ecr" | "harbor";
  readonly resolution: Resolution;
  /** In the order in which they are judged. */
  readonly rules: readonly LifecycleRule[];
  /** Whether images under tags such as `sha256-<hex>.sig` follow the image that the tag names. */
  readonly attachments: boolean;
  /**
   * Which times an image has. `own`: its manifest's, since it came back from the archive. `tags`: the latest of its own and
   * its tags', never pulled being 1970. `family`: its children's pulls, too.
   */
  readonly times: "own" | "tags" | "family";
  /** Undefined: none. */
  readonly floor: Floor | undefined;
}
