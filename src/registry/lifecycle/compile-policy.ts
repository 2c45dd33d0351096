import { findVersion, parseLinearPattern, parseVersionRange } from "../../lib/patterns/index.ts";
import { parseBerthPolicy, parseEcrPolicy, parseHarborPolicy } from "../../policy/index.ts";
import type { BerthPolicy, LifecyclePolicy, Patterns } from "../../policy/index.ts";

/** A policy as people write it: Berth's own form, a `LifecyclePolicyText` of Amazon ECR, a `RetentionPolicy` of Harbor. */
export type LifecycleDocument = Readonly<Record<string, unknown>>;

/** Characters that a policy of ECR has at least; what is short here had line breaks where it came from. */
const ecrLength = 100;

const patterns: Patterns = {
  regex: (source) => {
    const pattern = parseLinearPattern(source);
    return (text) => pattern.matches(text);
  },
  range: parseVersionRange as Patterns["range"],
  version: findVersion,
};

/** Which grammar a document is in: each has a field that the others have not. */
export function grammarOf(document: LifecycleDocument): LifecyclePolicy["grammar"] {
  if (Object.hasOwn(document, "algorithm")) return "harbor";
  const rules: unknown = document["rules"];
  const isEcr = (rule: unknown) => typeof rule === "object" && rule !== null && Object.hasOwn(rule, "rulePriority");
  return Array.isArray(rules) && rules.some(isEcr) ? "ecr" : "berth";
}

/** Reads a document whose form was checked, where its grammar does not check it itself. @throws PolicyFault */
export function compilePolicy(document: LifecycleDocument): LifecyclePolicy {
  const grammar = grammarOf(document);
  if (grammar === "ecr") return parseEcrPolicy(JSON.stringify(document).padEnd(ecrLength));
  if (grammar === "harbor") return parseHarborPolicy(document, patterns);
  return parseBerthPolicy(document as unknown as BerthPolicy, patterns);
}
