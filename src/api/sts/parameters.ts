import { StsError } from "./sts-error.ts";

/** What a call says beside its signature. */
export type Parameters = ReadonlyMap<string, string>;

/** @param text a form or a query @throws StsError for a parameter that is there twice */
export function readParameters(text: string): Parameters {
  const parameters = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(text)) {
    if (parameters.has(name)) throw new StsError(400, "ValidationError", `The parameter ${name} is there twice.`);
    parameters.set(name, value);
  }
  return parameters;
}

/** Of the API: what a text must be like. */
export interface TextRule {
  readonly least: number;
  readonly most: number;
  readonly pattern: RegExp;
}

/** @throws StsError when it is missing or not as the rule says */
export function getText(parameters: Parameters, name: string, { least, most, pattern }: TextRule): string {
  const value = parameters.get(name);
  const field = `${name[0]!.toLowerCase()}${name.slice(1)}`;
  if (value === undefined || value === "") throw invalid("null", field, "not be null");
  if (value.length < least) throw invalid(value, field, `have length greater than or equal to ${least}`);
  if (value.length > most) throw invalid(value, field, `have length less than or equal to ${most}`);
  if (!pattern.test(value)) throw invalid(value, field, `satisfy regular expression pattern: ${pattern.source}`);
  return value;
}

/** Seconds of `DurationSeconds`, in milliseconds. @throws StsError */
export function readDuration(
  parameters: Parameters,
  { most, standard }: { readonly most: number; readonly standard: number },
): number {
  const text = parameters.get("DurationSeconds");
  if (text === undefined) return standard * 1000;
  const seconds = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (seconds < 900) throw invalid(text, "durationSeconds", "have value greater than or equal to 900");
  if (seconds > most) throw invalid(text, "durationSeconds", `have value less than or equal to ${most}`);
  return seconds * 1000;
}

/** Secrets are not repeated: only what stands in a field that is none. */
function invalid(value: string, field: string, rule: string): StsError {
  const shown = field === "webIdentityToken" ? "…" : value.slice(0, 200);
  const message = `1 validation error detected: Value '${shown}' at '${field}' failed to satisfy constraint: Member must ${rule}`;
  return new StsError(400, "ValidationError", message);
}
