import { auditEndpoints } from "./audit.ts";
import { collectionEndpoints } from "./collection.ts";
import type { Endpoints } from "./endpoint.ts";
import { grantEndpoints } from "./grants.ts";
import { groupEndpoints } from "./groups.ts";
import { holdEndpoints } from "./holds.ts";
import { usageEndpoints } from "./usage.ts";
import { webhookEndpoints } from "./webhooks.ts";
import { jobEndpoints } from "./jobs.ts";
import { lifecycleEndpoints } from "./lifecycle.ts";
import { maintenanceEndpoints } from "./maintenance.ts";
import { lifecyclePreviewEndpoints } from "./lifecycle-previews.ts";
import { lifecycleRunEndpoints } from "./lifecycle-runs.ts";
import { meEndpoints } from "./me.ts";
import { namespaceEndpoints } from "./namespaces.ts";
import { quotaEndpoints } from "./quotas.ts";
import { robotEndpoints } from "./robots.ts";
import { imageEndpoints } from "./images.ts";
import { repositoryEndpoints } from "./repositories.ts";
import { settingEndpoints } from "./settings.ts";
import { templateEndpoints } from "./templates.ts";
import { undoEndpoints } from "./undo.ts";
import { tokenEndpoints } from "./tokens.ts";
import { userEndpoints } from "./users.ts";
import { trustRuleEndpoints } from "./trust-rules.ts";

export { auditEndpoints } from "./audit.ts";
export { collectionEndpoints } from "./collection.ts";
export type { AnswerOf, Auth, BodyOf, Endpoint, Endpoints, ParametersOf, QueryOf } from "./endpoint.ts";
export { problem } from "./problem.ts";
export type { Problem } from "./problem.ts";
export { grantEndpoints } from "./grants.ts";
export { groupEndpoints } from "./groups.ts";
export { holdEndpoints } from "./holds.ts";
export { usageEndpoints, usageLimit } from "./usage.ts";
export { webhookEndpoints } from "./webhooks.ts";
export { jobEndpoints } from "./jobs.ts";
export { berthLifecycle, lifecycleEndpoints } from "./lifecycle.ts";
export { maintenanceEndpoints } from "./maintenance.ts";
export { lifecyclePreviewEndpoints } from "./lifecycle-previews.ts";
export { lifecycleRunEndpoints } from "./lifecycle-runs.ts";
export { meEndpoints } from "./me.ts";
export { namespaceEndpoints } from "./namespaces.ts";
export { quotaEndpoints } from "./quotas.ts";
export { robotEndpoints } from "./robots.ts";
export { imageEndpoints } from "./images.ts";
export { repositoryEndpoints } from "./repositories.ts";
export { settingEndpoints, settingValues } from "./settings.ts";
export { templateEndpoints } from "./templates.ts";
export { undoEndpoints } from "./undo.ts";
export { tokenEndpoints } from "./tokens.ts";
export { userEndpoints } from "./users.ts";
export { trustRuleEndpoints } from "./trust-rules.ts";

/** Every route of the management API by its operation's id. Add a resource's table here, and its handlers beside. */
export const endpoints = {
  ...meEndpoints,
  ...userEndpoints,
  ...groupEndpoints,
  ...tokenEndpoints,
  ...namespaceEndpoints,
  ...trustRuleEndpoints,
  ...auditEndpoints,
  ...robotEndpoints,
  ...grantEndpoints,
  ...repositoryEndpoints,
  ...imageEndpoints,
  ...jobEndpoints,
  ...settingEndpoints,
  ...templateEndpoints,
  ...holdEndpoints,
  ...quotaEndpoints,
  ...usageEndpoints,
  ...lifecycleEndpoints,
  ...lifecyclePreviewEndpoints,
  ...lifecycleRunEndpoints,
  ...webhookEndpoints,
  ...maintenanceEndpoints,
  ...undoEndpoints,
  ...collectionEndpoints,
} as const satisfies Endpoints;

/** Below what all routes lie. */
export const apiPrefix = "/api/v1";
