import { core } from "./0001-core.ts";
import { collection } from "./0002-collection.ts";
import { access } from "./0003-access.ts";
import { audit } from "./0004-audit.ts";
import { federation } from "./0005-federation.ts";
import { repositories } from "./0006-repositories.ts";
import { wire } from "./0007-wire.ts";
import { management } from "./0008-management.ts";
import { settings } from "./0009-settings.ts";
import { jobs } from "./0011-jobs.ts";
import { deviceLogins } from "./0012-device-logins.ts";
import { lineage } from "./0013-lineage.ts";
import { lifecycle } from "./0015-lifecycle.ts";
import { tagRules } from "./0017-tag-rules.ts";
import { undo } from "./0018-undo.ts";
import { lifecycleRuns } from "./0019-lifecycle-runs.ts";
import { templates } from "./0020-templates.ts";
import { holds } from "./0021-holds.ts";
import { quotas } from "./0022-quotas.ts";
import { collectionStatus } from "./0026-collection-status.ts";
import { usage } from "./0021-usage.ts";
import { providerLogins } from "./0024-provider-logins.ts";
import { undoRepositories } from "./0025-undo-repositories.ts";
import { lifecyclePreviews } from "./0027-lifecycle-previews.ts";
import { formerPlaces } from "./0028-former-places.ts";
import { pending } from "./0029-pending.ts";
import { ecr } from "./0031-ecr.ts";
import { accessKeys } from "./0032-access-keys.ts";
import { ecrTemplates } from "./0036-ecr-templates.ts";
import { repositoryPolicies } from "./0034-repository-policies.ts";
import { archive } from "./0037-archive.ts";
import { registryPolicies } from "./0038-registry-policies.ts";
import type { Migration } from "./migration.ts";

export { spell } from "./migration.ts";
export type { Migration } from "./migration.ts";

/** In the order in which they are applied. */
export const migrations: readonly Migration[] = [
  core,
  collection,
  access,
  audit,
  federation,
  repositories,
  wire,
  management,
  settings,
  jobs,
  deviceLogins,
  lineage,
  lifecycle,
  tagRules,
  undo,
  lifecycleRuns,
  templates,
  holds,
  quotas,
  usage,
  providerLogins,
  undoRepositories,
  collectionStatus,
  lifecyclePreviews,
  formerPlaces,
  pending,
  ecr,
  accessKeys,
  ecrTemplates,
  repositoryPolicies,
  archive,
  registryPolicies,
];

/** Name of a recorded step: `0001-core/3`. */
export function listSteps(): { readonly name: string; readonly step: string }[] {
  return migrations.flatMap((migration) =>
    migration.steps.map((step, index) => ({ name: `${migration.name}/${index + 1}`, step })),
  );
}
