import type { endpoints } from "../../contract/index.ts";
import type { HandlersOf } from "./call.ts";
import { auditHandlers } from "./audit.ts";
import { collectionHandlers } from "./collection.ts";
import { grantHandlers } from "./grants.ts";
import { groupHandlers } from "./groups.ts";
import { holdHandlers } from "./holds.ts";
import { webhookHandlers } from "./webhooks.ts";
import { jobHandlers } from "./jobs.ts";
import { lifecycleHandlers } from "./lifecycle.ts";
import { maintenanceHandlers } from "./maintenance.ts";
import { lifecyclePreviewHandlers } from "./lifecycle-previews.ts";
import { lifecycleRunHandlers } from "./lifecycle-runs.ts";
import { meHandlers } from "./me.ts";
import { namespaceHandlers } from "./namespaces.ts";
import { quotaHandlers } from "./quotas.ts";
import { robotHandlers } from "./robots.ts";
import { imageHandlers } from "./images.ts";
import { repositoryHandlers } from "./repositories.ts";
import { settingHandlers } from "./settings.ts";
import { templateHandlers } from "./templates.ts";
import { undoHandlers } from "./undo.ts";
import { tokenHandlers } from "./tokens.ts";
import { trustRuleHandlers } from "./trust-rules.ts";
import { usageHandlers } from "./usage.ts";
import { userHandlers } from "./users.ts";

/** What each route does: one that has no handler does not compile. */
export const handlers: HandlersOf<typeof endpoints> = {
  ...meHandlers,
  ...userHandlers,
  ...groupHandlers,
  ...tokenHandlers,
  ...namespaceHandlers,
  ...trustRuleHandlers,
  ...auditHandlers,
  ...robotHandlers,
  ...grantHandlers,
  ...repositoryHandlers,
  ...imageHandlers,
  ...jobHandlers,
  ...settingHandlers,
  ...templateHandlers,
  ...holdHandlers,
  ...quotaHandlers,
  ...usageHandlers,
  ...lifecycleHandlers,
  ...lifecyclePreviewHandlers,
  ...lifecycleRunHandlers,
  ...webhookHandlers,
  ...maintenanceHandlers,
  ...undoHandlers,
  ...collectionHandlers,
};
