// The types of `import '@cliscale/react/styles.css'`, for compilers that ask for those of what is imported for its effect.
// oxlint-disable-next-line unicorn/require-module-specifiers -- a module that has no names
export {}
