/** Number of generation counters; repositories share them by hash. A power of two. */
export const generationSlots = 4096;
/** After them stands the counter of all commits. It moves first: who sees a new generation sees that there was a commit. */
export const commitSlot = generationSlots;
/** Numbers that an array of counters has. */
export const counterCount = generationSlots + 1;

/** Counter of a repository: FNV-1a of its name. */
export function generationSlot(repositoryName: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < repositoryName.length; index++) {
    hash = Math.imul(hash ^ repositoryName.charCodeAt(index), 0x01000193);
  }
  return (hash ^ (hash >>> 15)) & (generationSlots - 1);
}
