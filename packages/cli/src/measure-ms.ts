/** How long a look takes longer where something is behind, so that it can say how fast that gets on. */
export const measureMs = 1000
