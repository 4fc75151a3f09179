/** The key of an event's record: its stream's id, with the tenant before it where streams belong to tenants. */
export function recordKeyOf({ tenant, streamId }: { readonly tenant?: string; readonly streamId: string }): string {
  return tenant === undefined ? streamId : `${tenant}/${streamId}`
}
