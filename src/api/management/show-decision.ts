import { explainDecision } from "../../policy/index.ts";
import type { ImageDecision } from "../../policy/index.ts";
import { timeOf } from "./page.ts";

/** What becomes of an image, as the API shows it. */
export function showDecision(image: ImageDecision) {
  const { digest, outcome, because, rule, keeper, bytes } = image;
  return {
    ...{ digest, outcome, because, rule, keeper, bytes },
    ...{ tags: [...image.tags], along: [...image.along], shields: [...image.shields] },
    pushedAt: timeOf(image.pushedAt),
    reason: explainDecision(image),
  };
}
