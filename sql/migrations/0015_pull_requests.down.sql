--! data-loss: yes
drop table delivery.pull_request_reviews;
drop table delivery.pull_requests;
