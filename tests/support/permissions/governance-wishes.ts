const look = { needs: "here:pull" } as const;
const remove = { needs: "here:delete" } as const;
const own = { needs: "here:manage-access" } as const;
const report = { needs: "here:report-usage" } as const;
const change = { needs: "here:manage-settings" } as const;

/** What the endpoints of settings, templates and what follows from them take, for the table of `rows.ts`. */
export const governanceWishes = {
  previewLifecycle: change,
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
} as const;

/** Parameters that name something, there or not. */
export const governanceSamples = { template: "plan", source: "cluster" } as const;
