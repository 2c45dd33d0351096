import { IamFault } from "./iam-fault.ts";

export type Json = Readonly<Record<string, unknown>>;

/** Characters of a policy's text (PolicyText of the ECR API). */
const lengthLimit = 10_240;
/** Containers within containers: a policy needs six. */
const depthLimit = 16;

/** Reads the text of a policy as one JSON object in which no object names a key twice. @throws IamFault */
export function readDocument(text: string): Json {
  if (text.length > lengthLimit) {
    throw new IamFault(
      `the policy has ${text.length} characters, ${lengthLimit} are the most: use wildcards, or fewer statements`,
    );
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new IamFault(`the policy is no JSON (${(error as Error).message}): correct it`, undefined);
  }
  if (!isObject(value)) throw new IamFault('the policy is no JSON object: write { "Version": …, "Statement": … }');
  refuseTwice(text);
  return value;
}

export function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The strings of JSON, and the marks between them that open, part and close. */
const marks = /"(?:[^"\\]|\\.)*"|[{}[\],]/g;

/** Parsers read an object that names a key twice differently: one might see an Allow where the other sees a Deny. */
function refuseTwice(text: string): void {
  const open: (Set<string> | undefined)[] = [];
  let isKey = false;
  for (const [mark] of text.matchAll(marks)) {
    const keys = open.at(-1);
    if (mark.startsWith('"')) {
      if (!isKey || keys === undefined) continue;
      isKey = false;
      const key = JSON.parse(mark) as string;
      if (keys.has(key)) {
        throw new IamFault(
          `the key ${JSON.stringify(key)} stands twice in one object, which tools read differently: put both into one list`,
        );
      }
      keys.add(key);
    } else if (mark === "{" || mark === "[") {
      open.push(mark === "{" ? new Set() : undefined);
      if (open.length > depthLimit)
        throw new IamFault(`the policy nests more than ${depthLimit} containers: flatten it`);
      isKey = mark === "{";
    } else if (mark === ",") {
      isKey = keys !== undefined;
    } else {
      open.pop();
      isKey = false;
    }
  }
}
