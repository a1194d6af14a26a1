/**
 * What an administrator of a BIG-IP types once for the agent, in tmsh.
 *
 * The role has all partitions: the partition itself, uploads and the saving of the configuration are not a partition's.
 * It is not Administrator, so that it can neither make users nor open a shell. (F5 K-articles on user roles; not seen
 * on a device here.)
 */
export function deviceUserCommands(userName: string): string[] {
  return [
    `create auth user ${userName} prompt-for-password partition-access replace-all-with { all-partitions { role resource-admin } } shell none`,
    'save sys config partitions all',
  ];
}
