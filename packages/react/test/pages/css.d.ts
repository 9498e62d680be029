// Style sheets are imported for their effect; the bundler of the tests collects them.
declare module '*.css'
