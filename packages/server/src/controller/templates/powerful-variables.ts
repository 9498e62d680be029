/** Variables that can make a program run, load or read as code something else than its command line says. */
export interface VariableGroup {
  /** What a program does with them; one clause for the reference. */
  readonly reason: string
  /** In capitals: programs differ in whether they take small letters, too. */
  readonly names: readonly string[]
  /** Beginnings of names; where only some names of a program are of this kind, they stand in `names`. */
  readonly prefixes: readonly string[]
}

/**
 * `allow: [env]` and `allow: [secrets]` do not open these; a template names them one by one. No such list is ever whole:
 * a template for clients that are not trusted names the variables that its command needs.
 */
export const POWERFUL_VARIABLES: readonly VariableGroup[] = [
  {
    reason: 'the dynamic loader and the C library load files from them',
    names: words('GCONV_PATH GETCONF_DIR HOSTALIASES LOCPATH NLSPATH RESOLV_HOST_CONF NIS_PATH'),
    prefixes: words('LD_ DYLD_ GLIBC_ MALLOC_ _RLD'),
  },
  {
    reason: 'programs and their files are looked up by them',
    names: words('PATH HOME CDPATH SHELL PATHEXT'),
    prefixes: words('XDG_'),
  },
  {
    reason: 'shells run or read them at their start or with each command',
    names: words(`
      ENV BASHOPTS SHELLOPTS PROMPT_COMMAND PROMPT_DIRTRIM PS0 PS1 PS2 PS3 PS4 PROMPT RPROMPT RPS1 IFS INPUTRC
      HISTFILE ZDOTDIR FPATH FIGNORE GLOBIGNORE MAILPATH EXECIGNORE FCEDIT HISTEDIT`),
    prefixes: words('BASH_ FISH_ KSH_ ZSH_ __FISH_'),
  },
  {
    reason: 'interpreters and runtimes take options, modules or start-up files from them',
    names: words(`
      NODE_OPTIONS NODE_PATH NODE_REPL_EXTERNAL_MODULE NODE_COMPILE_CACHE NODE_ICU_DATA NODE_V8_COVERAGE
      NODE_REDIRECT_WARNINGS NODE_EXTRA_CA_CERTS NODE_TLS_REJECT_UNAUTHORIZED ELECTRON_RUN_AS_NODE
      TSX_TSCONFIG_PATH CLASSPATH JAVA_HOME JAVA_OPTS JAVA_TOOL_OPTIONS _JAVA_OPTIONS JDK_JAVA_OPTIONS
      MAVEN_OPTS MAVEN_ARGS GRADLE_OPTS SBT_OPTS PHPRC PHP_INI_SCAN_DIR TCLLIBPATH TCL_LIBRARY TK_LIBRARY
      OCAMLRUNPARAM CAMLRUNPARAM CAML_LD_LIBRARY_PATH ELIXIR_ERL_OPTIONS IEX_HOME AWKPATH AWKLIBPATH
      GUILE_INIT_SEGMENT_SIZE R_HOME R_PROFILE R_PROFILE_USER R_ENVIRON R_ENVIRON_USER R_LIBS R_LIBS_USER`),
    prefixes: words(`
      PYTHON PERL RUBY GEM_ BUNDLE_ LUA_ BUN_ DENO_ TS_NODE_ DOTNET_ CORECLR_ COMPLUS_ JULIA_ GUILE_ ERL_ MONO_`),
  },
  {
    reason: 'package managers and build tools take programs, options or places of code from them',
    names: words(`
      MAKEFLAGS GNUMAKEFLAGS MFLAGS MAKEFILES CC CXX CPP LD AR AS GOFLAGS GOENV GOPROXY GOROOT GOPATH
      GOTOOLCHAIN GOTOOLDIR RUSTC RUSTFLAGS RUSTDOC GCC_EXEC_PREFIX COMPILER_PATH LIBRARY_PATH CPATH
      C_INCLUDE_PATH CPLUS_INCLUDE_PATH PKG_CONFIG PKG_CONFIG_PATH VIRTUAL_ENV`),
    prefixes: words(`
      NPM_ YARN_ PNPM_ COREPACK_ PIP_ PIPX_ POETRY_ PYENV_ UV_ CONDA_ CARGO_ RUSTC_ RUSTUP_ CMAKE_ COMPOSER_
      NIX_ HOMEBREW_`),
  },
  {
    reason: 'tools start an editor, pager, browser, helper or transport that they name',
    names: words(`
      EDITOR VISUAL PAGER BROWSER OPENER TERMINAL MANPAGER MANOPT MANPATH MORE SSH_ASKPASS SSH_ASKPASS_REQUIRE
      SSH_SK_PROVIDER SUDO_ASKPASS SUDO_EDITOR SUDO_PROMPT SYSTEMD_EDITOR SYSTEMD_PAGER SYSTEMD_LESS RSYNC_RSH
      RSYNC_CONNECT_PROG CVS_RSH RSH SVN_SSH SVN_EDITOR PSQL_EDITOR PSQL_PAGER KUBE_EDITOR TAR_OPTIONS RMT
      ZIPOPT UNZIPOPT TMUX_TMPDIR FZF_DEFAULT_COMMAND FZF_DEFAULT_OPTS FZF_DEFAULT_OPTS_FILE BAT_PAGER`),
    prefixes: words('GIT_ LESS HG DELTA_'),
  },
  {
    reason: 'programs read configuration from them that can name further programs or modules',
    names: words(`
      KUBECONFIG AWS_CONFIG_FILE AWS_SHARED_CREDENTIALS_FILE CLOUDSDK_CONFIG DOCKER_CONFIG CURL_HOME WGETRC
      NETRC SCREENRC PSQLRC PGSYSCONFDIR PGSERVICEFILE MYSQL_HOME VIMINIT GVIMINIT EXINIT VIM VIMRUNTIME MYVIMRC
      EMACSLOADPATH EMACSDATA EMACSPATH GDBINIT RIPGREP_CONFIG_PATH BAT_CONFIG_PATH NANORC TERMINFO
      TERMINFO_DIRS TERMCAP TERMPATH GTK_MODULES GTK_PATH QT_PLUGIN_PATH LIBGL_DRIVERS_PATH GNUPGHOME`),
    prefixes: words('OPENSSL_ ANSIBLE_ HELM_ TF_CLI_ NVIM_ GIO_ GST_ P11_ KRB5_'),
  },
]

const NAMES: ReadonlySet<string> = new Set(POWERFUL_VARIABLES.flatMap(({ names }) => names))
const PREFIXES: readonly string[] = POWERFUL_VARIABLES.flatMap(({ prefixes }) => prefixes)

/** Whether a variable is of {@link POWERFUL_VARIABLES}, in whatever letters. */
export function isPowerful(name: string): boolean {
  const upper = name.toUpperCase()
  return NAMES.has(upper) || PREFIXES.some((prefix) => upper.startsWith(prefix))
}

function words(text: string): readonly string[] {
  return text.trim().split(/\s+/)
}
