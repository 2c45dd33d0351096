export { ecrActions } from "./actions.ts";
export { evaluateIamPolicy } from "./evaluate-policy.ts";
export type { IamFacts, IamVerdict } from "./evaluate-policy.ts";
export type { IamPolicy, PolicyPlace } from "./form.ts";
export { actionsNeeded, ecrActionsOf } from "./actions-here.ts";
export { IamFault, nameStatement } from "./iam-fault.ts";
export { parseIamPolicy } from "./parse-policy.ts";
