// What `npm start` runs, and what `npx tidemark …` works with in this checkout.
export { default } from './examples/order-aggregate/tidemark.config.js'
