/** The parts of a running Tidemark; any of them may run in a process of its own. */
export const serviceNames = ['api', 'projections', 'bridge', 'consumers'] as const
export type ServiceName = (typeof serviceNames)[number]
