"""Parameters of lookup tables.

Postfix: DATABASE_README, postmap(1), postconf(5)
"""

from spoolmta.config.parameter import LARGEST_SIZE, Section, number, text, yes_no


class TableFileParameters(Section, without_meaning="tables are built in a format of their own"):
    """Berkeley DB and LMDB files."""

    berkeley_db_create_buffer_size: int = number("16777216", min=1)  # memory for building a table
    berkeley_db_read_buffer_size: int = number("131072", min=1)  # memory for reading one
    lmdb_map_size: int = number("16777216", min=1, max=LARGEST_SIZE)  # first size of an LMDB file
    default_cache_db_type: str = text(
        "btree", empty_allowed=False
    )  # type of tables that Postfix writes itself
    non_bdb_custom_mapping: str = text("")  # what a Berkeley DB type is replaced by
    non_bdb_migration_allow_root_prefixes: str = text(
        "/etc /usr/local/etc"
    )  # folders where root's tables are built anew
    non_bdb_migration_allow_user_prefixes: str = text(
        "$data_directory /var/lib/mailman /var/lib/mailman3"
    )  # folders where users' tables are built anew
    non_bdb_migration_level: str = text(
        "disable", empty_allowed=False
    )  # whether such tables are replaced
    non_bdb_migration_log_redirect: bool = yes_no("yes")  # log what builds them


class TableClientParameters(Section, not_yet="it is not supported yet"):
    """Tables that a server answers for."""

    socketmap_max_reply_size: int = number("100000")  # bytes of a socketmap answer
