# PL_REQUIRE(VARIABLE, MODULES, DEBIAN-PACKAGE)
# A library that must be there, by pkg-config. What is missing is gathered in
# $pl_missing, so that PL_REQUIRED can name all of it at once.
AC_DEFUN([PL_REQUIRE], [
PKG_CHECK_MODULES([$1], [$2], [], [
	AC_MSG_WARN([$$1_PKG_ERRORS])
	pl_missing="$pl_missing $3"
])
])

# PL_REQUIRE_LIB(VARIABLE, HEADER, LIBRARY, FUNCTION, DEBIAN-PACKAGE)
# The same for a library that has no pkg-config file.
AC_DEFUN([PL_REQUIRE_LIB], [
AC_CHECK_HEADER([$2], [pl_found=yes], [pl_found=no])
AS_IF([test $pl_found = yes],
	[AC_CHECK_LIB([$3], [$4], [$1=-l$3], [pl_found=no])])
AS_IF([test $pl_found = no], [pl_missing="$pl_missing $5"])
AC_SUBST([$1])
])

AC_DEFUN([PL_REQUIRED], [
AS_IF([test -n "$pl_missing"], [AC_MSG_ERROR([what is needed is missing, or too old.
On Debian 12:  apt-get install$pl_missing
or let contrib/quickstart do that.])])
])

# PL_WITH(NAME, VARIABLE, MODULES, DEBIAN-PACKAGE, WHAT-FOR)
# An optional part: --with-NAME, by default if it is there. An explicit yes
# that cannot be met fails. Sets the conditional HAVE_VARIABLE.
AC_DEFUN([PL_WITH], [
AC_ARG_WITH([$1], [AS_HELP_STRING([--with-$1], [$5 @<:@auto@:>@])], [],
	[with_$1=auto])
AS_IF([test "x$with_$1" != xno], [
	PKG_CHECK_MODULES([$2], [$3], [pl_found=yes], [pl_found=no])
	AS_IF([test $pl_found = no && test "x$with_$1" != xauto],
		[AC_MSG_ERROR([--with-$1: $$2_PKG_ERRORS
On Debian 12:  apt-get install $4])])
	with_$1=$pl_found
])
AM_CONDITIONAL([HAVE_$2], [test "x$with_$1" = xyes])
])

# PL_WITH_LIB(NAME, VARIABLE, MODULES, HEADER, LIBRARY, FUNCTION,
#	DEBIAN-PACKAGES, WHAT-FOR)
# The same for a part that needs a library without a pkg-config file as well.
AC_DEFUN([PL_WITH_LIB], [
AC_ARG_WITH([$1], [AS_HELP_STRING([--with-$1], [$8 @<:@auto@:>@])], [],
	[with_$1=auto])
AS_IF([test "x$with_$1" != xno], [
	PKG_CHECK_MODULES([$2], [$3], [pl_found=yes], [pl_found=no])
	AS_IF([test $pl_found = yes],
		[AC_CHECK_HEADER([$4], [], [pl_found=no])])
	AS_IF([test $pl_found = yes],
		[AC_CHECK_LIB([$5], [$6], [$2_LIBS="-l$5 $$2_LIBS"],
			[pl_found=no])])
	AS_IF([test $pl_found = no && test "x$with_$1" != xauto],
		[AC_MSG_ERROR([--with-$1: $3 or $4 is missing.
On Debian 12:  apt-get install $7])])
	with_$1=$pl_found
])
AS_IF([test "x$with_$1" = xno], [
	$2_CFLAGS=
	$2_LIBS=
])
AM_CONDITIONAL([HAVE_$2], [test "x$with_$1" = xyes])
])

# PL_WITH_PROG(NAME, VARIABLE, PROGRAMS, DEBIAN-PACKAGE, WHAT-FOR)
# The same for a program.
AC_DEFUN([PL_WITH_PROG], [
AC_ARG_WITH([$1], [AS_HELP_STRING([--with-$1], [$5 @<:@auto@:>@])], [],
	[with_$1=auto])
$2=
AS_IF([test "x$with_$1" != xno], [
	AC_PATH_PROGS([$2], [$3])
	AS_IF([test -n "$$2"], [with_$1=yes],
		[test "x$with_$1" = xauto], [with_$1=no],
		[AC_MSG_ERROR([--with-$1: there is no $3 in the PATH.
On Debian 12:  apt-get install $4])])
])
AM_CONDITIONAL([HAVE_$2], [test "x$with_$1" = xyes])
])

# PL_CFLAG(VARIABLE, FLAGS) and PL_LDFLAG(VARIABLE, FLAGS)
# Adds flags that the compiler, or the linker, takes without a murmur.
AC_DEFUN([PL_CFLAG], [
AC_MSG_CHECKING([whether $CC takes $2])
pl_save=$CFLAGS
CFLAGS="$CFLAGS $$1 $2 -Werror"
AC_COMPILE_IFELSE([AC_LANG_SOURCE([[int pl(int a); int pl(int a) { return a; }]])],
	[AC_MSG_RESULT([yes])
	$1="$$1 $2"],
	[AC_MSG_RESULT([no])])
CFLAGS=$pl_save
])

AC_DEFUN([PL_LDFLAG], [
AC_MSG_CHECKING([whether the linker takes $2])
pl_save=$LDFLAGS
LDFLAGS="$LDFLAGS $HARDEN_CFLAGS $$1 $2 -Werror"
AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])],
	[AC_MSG_RESULT([yes])
	$1="$$1 $2"],
	[AC_MSG_RESULT([no])])
LDFLAGS=$pl_save
])

# PL_HARDENING: --disable-hardening. Sets HARDEN_CPPFLAGS, _CFLAGS, _LDFLAGS.
AC_DEFUN([PL_HARDENING], [
AC_ARG_ENABLE([hardening], [AS_HELP_STRING([--disable-hardening],
	[leave out PIE, RELRO, _FORTIFY_SOURCE, stack protection])], [],
	[enable_hardening=yes])
AS_IF([test "x$enable_hardening" != xno], [
	PL_CFLAG([HARDEN_CFLAGS], [-fPIE])
	PL_CFLAG([HARDEN_CFLAGS], [-fstack-protector-strong])
	PL_CFLAG([HARDEN_CFLAGS], [-fstack-clash-protection])
	PL_CFLAG([HARDEN_CFLAGS], [-fcf-protection=full])
	PL_CFLAG([HARDEN_CFLAGS], [-Wformat -Wformat-security -Werror=format-security])
	PL_LDFLAG([HARDEN_LDFLAGS], [-pie])
	PL_LDFLAG([HARDEN_LDFLAGS], [-Wl,-z,relro])
	PL_LDFLAG([HARDEN_LDFLAGS], [-Wl,-z,now])
	PL_LDFLAG([HARDEN_LDFLAGS], [-Wl,-z,noexecstack])
	# glibc warns when it is asked to fortify what is not optimized.
	AC_MSG_CHECKING([whether $CC optimizes, for _FORTIFY_SOURCE])
	AC_COMPILE_IFELSE([AC_LANG_SOURCE([[
#ifndef __OPTIMIZE__
#error "not optimized"
#endif
	]])], [pl_fortify=yes], [pl_fortify=no])
	# Sanitizers do that better, and who set it meant it.
	AS_IF([test -n "$SANITIZER_FLAGS"], [pl_fortify=no])
	AS_CASE(["$CPPFLAGS $CFLAGS"], [*_FORTIFY_SOURCE*], [pl_fortify=no])
	AC_MSG_RESULT([$pl_fortify])
	AS_IF([test $pl_fortify = yes],
		[HARDEN_CPPFLAGS="-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2"])
])
AC_SUBST([HARDEN_CPPFLAGS])
AC_SUBST([HARDEN_CFLAGS])
AC_SUBST([HARDEN_LDFLAGS])
])

# PL_SANITIZERS: --enable-sanitizers=LIST. Sets SANITIZER_FLAGS.
AC_DEFUN([PL_SANITIZERS], [
AC_ARG_ENABLE([sanitizers], [AS_HELP_STRING([--enable-sanitizers=LIST],
	[address, undefined, leak, or thread @<:@address,undefined@:>@])], [],
	[enable_sanitizers=no])
AS_IF([test "x$enable_sanitizers" = xyes],
	[enable_sanitizers=address,undefined])
AS_IF([test "x$enable_sanitizers" != xno], [
	for pl_one in `echo "$enable_sanitizers" | tr , ' '`; do
		AS_CASE([$pl_one], [address|undefined|leak|thread], [],
			[AC_MSG_ERROR([--enable-sanitizers: $pl_one is none of
address, undefined, leak, thread])])
	done
	SANITIZER_FLAGS="-fsanitize=$enable_sanitizers -fno-omit-frame-pointer -fno-sanitize-recover=all"
	AC_MSG_CHECKING([whether $CC makes programs with $enable_sanitizers])
	pl_save=$CFLAGS
	CFLAGS="$CFLAGS $SANITIZER_FLAGS"
	AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])], [AC_MSG_RESULT([yes])],
		[AC_MSG_RESULT([no])
		AC_MSG_ERROR([--enable-sanitizers=$enable_sanitizers: $CC cannot do that.
With clang on Debian 12:  apt-get install libclang-rt-14-dev])])
	CFLAGS=$pl_save
])
AC_SUBST([SANITIZER_FLAGS])
])

# PL_WERROR: --enable-werror. Sets WERROR_CFLAGS; not for configure's own tests.
AC_DEFUN([PL_WERROR], [
AC_ARG_ENABLE([werror], [AS_HELP_STRING([--enable-werror],
	[let a compiler's warning end the build])], [], [enable_werror=no])
AS_IF([test "x$enable_werror" != xno], [WERROR_CFLAGS=-Werror])
AC_SUBST([WERROR_CFLAGS])
])
