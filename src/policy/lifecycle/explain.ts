import type { ImageDecision } from "./plan.ts";

/** Why an image stays or goes, as a sentence without a full stop. */
export function explainDecision({ because, outcome, rule, action, keeper, shields }: ImageDecision): string {
  const named = rule === null ? "the policy" : `rule ${rule}`;
  const shield = shields[0];
  const would = action === "transition" ? "would archive it" : "would expire it";
  switch (because) {
    case "rule":
      if (outcome === "expired") return `${named} expires it`;
      if (outcome === "transitioned") return `${named} archives it`;
      return shield === undefined
        ? `${named} keeps it`
        : `${named} keeps it, although rule ${shield.rule} would expire it`;
    case "unselected":
      return "no rule selects it";
    case "within":
      return "it is within what the rules that select it leave alone";
    case "shielded":
      return `rule ${shield!.by} selects it first and leaves it alone, although rule ${shield!.rule} would act on it`;
    case "unretained":
      return "no rule retains it";
    case "in-use":
      return `${named} ${would}, but ${keeper} runs it`;
    case "held":
      return `${named} would expire it, but it is held: ${keeper}`;
    case "needed":
      return `${named} ${would}, but it belongs to ${keeper}, which stays`;
    case "floor":
      return `${named} would expire it, but the policy's floor keeps it`;
  }
}
