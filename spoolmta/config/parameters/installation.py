"""Parameters of what was installed where.

Postfix: postconf(5), postfix-install
"""

from spoolmta.config.parameter import Section, text


class InstallationParameters(Section, without_meaning="nothing is looked for there"):
    """Paths of Postfix's files."""

    command_directory: str = text("/usr/sbin", empty_allowed=False)  # commands of the administrator
    daemon_directory: str = text(
        "/usr/libexec/postfix", empty_allowed=False
    )  # programs that master.cf names
    html_directory: str = text("no")  # documentation
    mailq_path: str = text("/usr/bin/mailq", empty_allowed=False)  # mailq(1)
    manpage_directory: str = text("/usr/local/man", empty_allowed=False)  # manual pages
    meta_directory: str = text("$config_directory")  # lists of files
    newaliases_path: str = text("/usr/bin/newaliases", empty_allowed=False)  # newaliases(1)
    openssl_path: str = text("openssl", empty_allowed=False)  # openssl(1)
    readme_directory: str = text("no")  # documentation
    sample_directory: str = text("/etc/postfix", empty_allowed=False)  # sample configurations
    sendmail_path: str = text("/usr/sbin/sendmail", empty_allowed=False)  # sendmail(1)
    shlib_directory: str = text("no", empty_allowed=False)  # shared libraries


class DataParameters(Section, without_meaning="what it would hold is in queue_directory"):
    """Files that services write for themselves."""

    data_directory: str = text("/var/lib/postfix", empty_allowed=False)  # caches and random numbers


class GroupParameters(
    Section, without_meaning="mail is submitted over a socket, and no program is set-gid"
):
    """The group of commands that write the queue."""

    setgid_group: str = text("postdrop", empty_allowed=False)  # group of postdrop and postqueue
