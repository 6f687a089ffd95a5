-- How mail is spread over domains and seconds of arrival. The domain is what follows the last @, or the whole address.

-- name: recipients_by_domain
SELECT lower(substr(recipient.address,
                    length(rtrim(recipient.address, replace(recipient.address, '@', ''))) + 1)) AS domain,
       message.arrived_at / 1000000 AS arrived_at,
       count(*)
  FROM message JOIN recipient USING (message_id) LEFT JOIN outcome
    ON outcome.message_id = recipient.message_id AND outcome.number = recipient.number AND outcome.part = 0
 WHERE message.message_id IN carray(:ids) AND coalesce(outcome.action, 'deferred') = 'deferred'
 GROUP BY 1, 2;

-- name: senders_by_domain
SELECT lower(substr(sender, length(rtrim(sender, replace(sender, '@', ''))) + 1)) AS domain,
       arrived_at / 1000000 AS arrived_at,
       count(*)
  FROM message WHERE message_id IN carray(:ids) GROUP BY 1, 2;
