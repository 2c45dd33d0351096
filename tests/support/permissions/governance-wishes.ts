import { digestOf } from "../wire-client.ts";
import { hooks } from "./cast.ts";

const look = { needs: "here:pull" } as const;
const remove = { needs: "here:delete" } as const;
const own = { needs: "here:manage-access" } as const;
const report = { needs: "here:report-usage" } as const;
const change = { needs: "here:manage-settings" } as const;

/** What the endpoints of settings, templates and what follows from them take, for the table of `rows.ts`. */
export const governanceWishes = {
  ...{ previewLifecycle: change, startLifecyclePreview: change, listLifecyclePreviews: change },
  ...{ getLifecyclePreview: change, listLifecyclePreviewImages: change, cancelLifecyclePreview: change },
  // Repositories on which the caller may not are passed over.
  startLifecyclePreviews: { needs: "login" } as const,
  ...{ showNamespaceSettings: look, changeNamespaceSettings: change },
  ...{ showRepositorySettings: look, changeRepositorySettings: change },
  ...{ listHolds: remove, listNamespaceHolds: remove, setHold: own, releaseHold: own },
  ...{
    showQuotas: look,
    recountQuotas: { needs: "server:manage-settings", places: ["none"], body: () => ({}) } as const,
  },
  ...{ listUsage: report, reportUsage: report, forgetUsage: report },
  ...{ listTemplates: look, getTemplate: look, putTemplate: change, deleteTemplate: change },
  ...{ getTagHistory: look, listUndo: remove, applyUndo: remove, purgeUndo: own },
  // What the caller may not undo is left out.
  listNamespaceUndo: { needs: "login" },
  undoRepository: { needs: "here:delete-repository" },
  // After all that it deleted.
  undoLifecycleRun: {
    needs: "hidden:delete",
    places: Object.values(hooks),
    body: () => ({ after: Number.MAX_SAFE_INTEGER }),
  },
} as const;

const purge = { needs: "here:manage-access", query: () => "purge=true", body: () => undefined } as const;

/** Deletes that are final at once, of what is not there. */
export const purgeWishes = {
  deleteTag: { ...purge, samples: { tag: "gone" } },
  deleteImage: { ...purge, samples: { digest: digestOf("absent") } },
  deleteRepository: purge,
} as const;

/** Parameters that name something, there or not. */
export const governanceSamples = { template: "plan", source: "cluster" } as const;
