import { z } from "zod";
import { durationPattern, formatDuration, parseDuration } from "../duration.ts";
import { formatSize, parseSize, sizePattern } from "../size.ts";

/** How much of a setting is secret: all of it, or the password in its URL. */
export type Secrecy = "whole" | "password";

interface Described {
  /** For the documentation and the JSON Schema: sentences. */
  readonly about: string;
}

/**
 * Kinds of settings. The message of each completes the sentence "`name` is …; it must be …". Defaults are given as a
 * user would write them.
 */
export const setting = {
  flag: (standard: boolean, { about }: Described) => z.boolean("true or false").prefault(standard).describe(about),

  /** A number of things. */
  count: (standard: number, { about, least = 0 }: Described & { readonly least?: number }) =>
    z.int("a whole number").min(least, `${least} or more`).prefault(standard).describe(about),

  /** Milliseconds in the code, `15m` in the settings. */
  duration: (standard: string, { about, least = 0 }: Described & { readonly least?: number }) => {
    const must = `a duration such as 90s, 15m, 24h or 7d${least > 0 ? `, and at least ${formatDuration(least)}` : ""}`;
    return z
      .string(must)
      .regex(durationPattern, must)
      .transform(reading(parseDuration, must))
      .refine((value) => value >= least, must)
      .prefault(standard)
      .describe(about);
  },

  /** Bytes in the code, `256MiB` in the settings; a plain number is bytes. */
  size: (
    standard: string,
    {
      about,
      least = 0,
      most = Number.MAX_SAFE_INTEGER,
    }: Described & { readonly least?: number; readonly most?: number },
  ) => {
    const bounds = [
      ...(least > 0 ? [`at least ${formatSize(least)}`] : []),
      ...(most < Number.MAX_SAFE_INTEGER ? [`at most ${formatSize(most)}`] : []),
    ];
    const must = ["a size such as 16KiB, 256MiB or 1GiB", ...bounds].join(", ");
    return z
      .union([z.string(must).regex(sizePattern, must), z.int(must).min(0, must)], must)
      .transform(reading((value: string | number) => parseSize(String(value)), must))
      .refine((value) => value >= least && value <= most, must)
      .prefault(standard)
      .describe(about);
  },

  /** Bytes, or a part of something, 0 to 1, in the code; `50GiB` or `5%` in the settings. */
  sizeOrShare: (standard: string, { about }: Described) => {
    const must = "a size such as 50GiB, a part such as 5% that is less than 100%, or 0";
    return z
      .union(
        [
          z.string(must).regex(new RegExp(`${sizePattern.source}|${sharePattern.source}`), must),
          z.int(must).min(0, must),
        ],
        must,
      )
      .transform(reading((value: string | number) => readSizeOrShare(String(value)), must))
      .prefault(standard)
      .describe(about);
  },

  choice: <const T extends readonly [string, ...string[]]>(values: T, standard: T[number], { about }: Described) =>
    z
      .enum(values, `one of ${values.join(", ")}`)
      .prefault(standard)
      .describe(about),

  text: ({ about, must = "text that is not empty" }: Described & { readonly must?: string }) =>
    z.string(must).min(1, must).describe(about),

  /** Text that `parse` reads; its errors are replaced by `must`. */
  parsed: <T>(parse: (text: string) => T, { about, must }: Described & { readonly must: string }) =>
    z.string(must).transform(reading(parse, must)).describe(about),

  /** Two keys: the secret, and `…File`, the path of a file that holds it. */
  secret: <const N extends string>(name: N, { about, secrecy = "whole" }: Described & { readonly secrecy?: Secrecy }) =>
    ({
      [name]: z.string("text").min(1, "text that is not empty").optional().describe(about).meta({ secrecy }),
      [`${name}File`]: z
        .string("a path")
        .min(1, "a path")
        .optional()
        .describe(`Path of a file that holds \`${name}\`; white space at its end is cut off.`),
    }) as Record<N | `${N}File`, z.ZodOptional<z.ZodString>>,

  group: <S extends z.ZodRawShape>(shape: S, { about }: Described) =>
    z
      .strictObject(shape, "a group of settings")
      .prefault({} as never)
      .describe(about),
};

const sharePattern = /^\d{1,2}(?:\.\d{1,3})?%$/;

function readSizeOrShare(text: string): { readonly share: number } | { readonly bytes: number } {
  return sharePattern.test(text) ? { share: Number(text.slice(0, -1)) / 100 } : { bytes: parseSize(text) };
}

function reading<I, T>(parse: (value: I) => T, must: string) {
  return (value: I, context: z.RefinementCtx): T => {
    try {
      return parse(value);
    } catch {
      context.addIssue({ code: "custom", message: must });
      return z.NEVER;
    }
  };
}
