/** The look of an exported page, in light and dark. Its hash is in the page's policy. */
export const styles = `
:root { color-scheme: light dark; --line: #d4dbe2; --quiet: #5c6b7a; --mark: #0b6e8a; --back: #f4f7f9; --old: #a13d3d; --new: #1f7a43 }
@media (prefers-color-scheme: dark) { :root { --line: #36434f; --quiet: #9aa9b7; --mark: #58c4dd; --back: #1b2229; --old: #f0918f; --new: #7fd69c } }
body { margin: 0; font: 15px/1.5 system-ui, sans-serif }
main { max-width: 60rem; margin: 0 auto; padding: 1.5rem 1rem 4rem }
h1 { font-size: 1.5rem; margin: 0; overflow-wrap: anywhere }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem }
h3 { font-size: .85rem; margin: .8rem 0 .2rem; color: var(--quiet) }
.quiet, time, .gap { color: var(--quiet); font-size: .85rem }
pre { margin: 0; padding: .6rem .8rem; background: var(--back); border-radius: 6px; font: 13px/1.45 ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere }
.timeline { list-style: none; margin: 0; padding: 0 0 0 1rem; border-left: 2px solid var(--line) }
.timeline > li { margin: .3rem 0 }
.gap { display: block; padding: .1rem 0 .1rem .2rem }
summary { cursor: pointer; padding: .2rem 0 }
.version { display: inline-block; min-width: 1.6rem; padding: 0 .3rem; border-radius: 999px; background: var(--mark); color: Canvas; text-align: center; font-size: .8rem }
details > :not(summary) { margin-left: 1.2rem }
table { border-collapse: collapse; font: 13px/1.45 ui-monospace, monospace }
th, td { text-align: left; padding: .15rem .8rem .15rem 0; vertical-align: top; overflow-wrap: anywhere; white-space: pre-wrap }
th { color: var(--quiet); font-weight: 400 }
.before { color: var(--old) } .after { color: var(--new) }
.cause { margin: .8rem 0 .2rem; color: var(--quiet); overflow-wrap: anywhere }
.trace { margin: 0; padding-left: 1.2rem }
`
